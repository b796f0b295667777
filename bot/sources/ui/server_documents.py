"""The server itself as a source: its public channels, its rules, welcome screen and events.

Documents are made of discord.py's cache, and compared with the index: at the start, after events,
and each hour. A burst of events is one comparison. A document that isn't public any more leaves the
index before the listener returns. Nothing here needs the Message Content intent.
"""

import logging
import re
from collections.abc import Iterator
from functools import partial
from typing import Final

import discord
from discord.ext import commands

from bot.core import index_updates
from bot.core.core import Core
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.policy.channel_access import is_open_to_everyone
from bot.interactions.services import Services
from bot.text.languages import Sentence, speaking
from knowledge.chat.transcript import readable
from knowledge.values.documents import Document, Kind, document_of_server, server_scope

# The interval in which events gather, and after which all guilds are compared.
ROUND_SECONDS: Final = 10.0
_ROUNDS_OF_ALL: Final = 360

# Other ways to ask for a channel or an event; they are never quoted.
_POST: Final = Sentence("Where can I post about {topic}?")
_CHANNEL: Final = Sentence("Which channel is for {topic}?")
_RULES: Final = Sentence("What are the rules of this server?")
_START: Final = Sentence("Where do I start on this server?")
_WHEN: Final = Sentence("When is the event {name}?")
_NEXT: Final = Sentence("When is the next event?")
_COMING: Final = Sentence("Which events are coming up?")

_EXPECTED: Final = (discord.EventStatus.scheduled, discord.EventStatus.active)
_WORD: Final = re.compile(r"[^\W_]+")
_WELCOME: Final = "welcome"

_logger = logging.getLogger(__name__)

Listed = discord.TextChannel | discord.ForumChannel


class ServerDocuments(commands.Cog):
    """Keeps the documents on each server up to date in the index."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        # Guilds to compare with the index.
        self._due: set[int] = set()
        # The ids of each guild's documents in the index, and its setting when it was compared.
        self._indexed: dict[int, set[str]] = {}
        self._wanted: dict[int, bool] = {}
        self._rounds = 0

    async def round(self) -> None:
        """Compare the guilds with events, and each hour all guilds, with the index."""
        if self._rounds % _ROUNDS_OF_ALL == 0:
            self._wanted.clear()
            present = {guild.id for guild in self._bot.guilds}
            is_known = self._bot.all_memberships_known

            def forget_former_guilds(core: Core) -> None:
                for guild_id in index_updates.guilds_with_documents(core) - present:
                    if is_known(guild_id):
                        index_updates.keep_of_server(core, guild_id, ())

            await self._bot.worker.call(forget_former_guilds)
        self._rounds += 1
        for guild in [*self._bot.guilds]:
            is_wanted = self._bot.guild_settings.known(guild.id).server_documents
            if guild.id in self._due or self._wanted.get(guild.id) is not is_wanted:
                self._due.discard(guild.id)
                try:
                    await self._compare(guild)
                except BaseException:
                    self._due.add(guild.id)
                    raise

    async def _compare(self, guild: discord.Guild) -> None:
        settings = await self._bot.guild_settings.current(guild.id)
        self._wanted[guild.id] = settings.server_documents
        documents: list[Document] = []
        if settings.server_documents:
            screen = None
            if "WELCOME_SCREEN_ENABLED" in guild.features:
                try:
                    screen = await guild.welcome_screen()
                except UNREACHED as error:
                    _logger.warning("A welcome screen could not be read: %s", error)
            with speaking(settings.language):
                documents += server_documents(guild, screen)
        changed = await self._bot.worker.call(
            lambda core: index_updates.compare_server(core, guild.id, documents)
        )
        indexed = self._indexed[guild.id] = {document.id for document in documents}
        for document in changed:
            # Channels may be hidden meanwhile.
            if document.id in _public_ids(guild):
                await self._bot.worker.run_slices(partial(index_updates.index_of_server, document))
                indexed.add(document.id)
            await self._withdraw(guild)

    async def _withdraw(self, guild: discord.Guild) -> None:
        """Delete the documents of channels and events that are hidden or gone."""
        known, public = self._indexed.get(guild.id), _public_ids(guild)
        if known is None or not known <= public:
            # Before the first comparison, all of them may be in the index.
            self._indexed[guild.id] = public if known is None else known & public
            await self._bot.worker.call(
                lambda core: index_updates.keep_of_server(core, guild.id, public)
            )

    async def _change(self, guild: discord.Guild | None) -> None:
        if guild is not None:
            self._due.add(guild.id)
            await self._withdraw(guild)

    @commands.Cog.listener("on_guild_available")
    @commands.Cog.listener("on_guild_join")
    async def on_guild(self, guild: discord.Guild) -> None:
        """Compare everything, because events may have been missed."""
        self._indexed.pop(guild.id, None)
        await self._change(guild)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self._indexed.pop(guild.id, None)
        await self._bot.worker.call(lambda core: index_updates.keep_of_server(core, guild.id, ()))

    @commands.Cog.listener()
    async def on_guild_update(self, _: discord.Guild, guild: discord.Guild) -> None:
        await self._change(guild)

    @commands.Cog.listener("on_guild_channel_create")
    @commands.Cog.listener("on_guild_channel_delete")
    async def on_channel(self, channel: discord.abc.GuildChannel) -> None:
        await self._change(channel.guild)

    @commands.Cog.listener()
    async def on_guild_channel_update(
        self, _: discord.abc.GuildChannel, channel: discord.abc.GuildChannel
    ) -> None:
        await self._change(channel.guild)

    @commands.Cog.listener()
    async def on_guild_role_update(self, before: discord.Role, role: discord.Role) -> None:
        if role.is_default() and before.permissions != role.permissions:
            await self._change(role.guild)

    @commands.Cog.listener("on_scheduled_event_create")
    @commands.Cog.listener("on_scheduled_event_delete")
    async def on_event(self, event: discord.ScheduledEvent) -> None:
        await self._change(event.guild)

    @commands.Cog.listener()
    async def on_scheduled_event_update(
        self, _: discord.ScheduledEvent, event: discord.ScheduledEvent
    ) -> None:
        await self._change(event.guild)


def _channels(guild: discord.Guild) -> list[Listed]:
    """The channels and forums that everybody can read."""
    return [
        channel
        for channel in guild.channels
        if isinstance(channel, Listed) and is_open_to_everyone(guild, channel.id)
    ]


def _events(guild: discord.Guild) -> list[discord.ScheduledEvent]:
    """The expected events that everybody can join, the next one first."""
    events = [
        event
        for event in guild.scheduled_events
        if event.status in _EXPECTED
        and (event.channel_id is None or is_open_to_everyone(guild, event.channel_id))
    ]
    return sorted(events, key=lambda event: event.start_time)


def _public_ids(guild: discord.Guild) -> set[str]:
    channels = [channel.mention for channel in _channels(guild)]
    keys = [_WELCOME, *channels, *(str(event.id) for event in _events(guild))]
    return {document_of_server(guild.id, key) for key in keys}


def server_documents(
    guild: discord.Guild, screen: discord.WelcomeScreen | None
) -> Iterator[Document]:
    """A document for each public channel and expected event, and one for the welcome screen."""
    channels = _channels(guild)
    names = {channel.id: channel.name for channel in channels}
    told = {
        each.channel.id: each.description
        for each in (screen.welcome_channels if screen is not None else ())
        if each.channel is not None and each.channel.id in names
    }

    def document(
        key: str, title: str, parts: list[str | None], link: str, *wordings: str
    ) -> Document:
        text = "\n\n".join(filter(None, parts))
        return Document(
            document_of_server(guild.id, key),
            server_scope(guild.id),
            Kind.SERVER,
            title,
            text,
            link,
            wordings=wordings,
        )

    for channel in channels:
        name = f"#{channel.name}"
        topic = readable(channel.topic or "", {}, names)
        named = name if channel.category is None else f"{name} ({channel.category.name})"
        words = " ".join(_WORD.findall(channel.name))
        wordings = [_POST(topic=words), _CHANNEL(topic=words)]
        if channel == guild.rules_channel:
            wordings.append(_RULES())
        parts = [topic, told.get(channel.id)]
        yield document(
            channel.mention, name, parts if any(parts) else [named], channel.jump_url, *wordings
        )
    for number, event in enumerate(_events(guild)):
        wordings = [_WHEN(name=event.name)]
        if number == 0:
            wordings += [_NEXT(), _COMING()]
        place = event.location if event.channel_id is None else f"<#{event.channel_id}>"
        when = f"{discord.utils.format_dt(event.start_time, 'F')} · {place}"
        description = readable(event.description or "", {}, names)
        yield document(str(event.id), event.name, [when, description], event.url, *wordings)
    if screen is not None:
        listed = "\n".join(f"- <#{key}>: {text}" for key, text in told.items())
        link = f"https://discord.com/channels/{guild.id}"
        yield document(_WELCOME, guild.name, [screen.description, listed], link, _START())

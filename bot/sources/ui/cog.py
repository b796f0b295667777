"""Sources cog: `/source add`, `list`, `sync` and `remove`."""

import functools
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.core import index_updates
from bot.core.core import Core
from bot.interactions.features import Feature, Round, Start
from bot.interactions.kit.authorization import First
from bot.interactions.kit.buttons import NONCE, Button, CustomId, pages_view
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.forms import Filled, Form
from bot.interactions.kit.localisation import description
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.channel_access import visible_without_roles
from bot.interactions.policy.component_access import administrators, administrators_group
from bot.interactions.services import Interaction, Services
from bot.sources import channel_sync_steps, messages, service
from bot.sources.service import AddOutcome, TagImport, import_tags
from bot.sources.ui.channel_events import ChannelEvents
from bot.sources.ui.channel_sync import PAUSE_SECONDS, ChannelSync
from bot.sources.ui.discord_messages import content_to_sync, missing_permissions
from bot.sources.ui.server_documents import ROUND_SECONDS as SERVER_SECONDS
from bot.sources.ui.server_documents import ServerDocuments
from bot.sources.web_sync import PAUSE_SECONDS as VISIT_SECONDS
from bot.sources.web_visits import WebVisits
from bot.text import error_messages
from bot.text.languages import speaking
from bot.text.markdown import plain_within, shorten
from bot.text.paging import PAGE_LABELS
from knowledge import corpus
from knowledge.corpus import FailingSource
from knowledge.discord_archive.archive import ProgressMessage
from knowledge.sources.addition import MissingSourceError
from knowledge.sources.kinds.registry import SERVICES
from knowledge.sources.net.addresses import URL_CHARACTERS
from knowledge.values.documents import SHARED, Scope
from knowledge.values.guilds import SourceCard, SyncedChannel
from knowledge.values.notes import Member
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import InvalidNoteError

ROUND_SECONDS: Final = 60.0

_logger = logging.getLogger(__name__)


class SourceAlarms:
    """Posts and edits the cards of failing sources."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    async def round(self) -> None:
        """Post cards of sources that began to fail, and bring the others up to date."""
        guilds, mine = [guild.id for guild in self._bot.guilds], self._bot.serves
        failing, cards = await self._bot.worker.call(
            lambda core: service.alarms(core, guilds, mine)
        )
        for key in sorted(failing.keys() | cards.keys()):
            guild_id, location = key
            if guild_id not in guilds:
                continue
            settings = await self._bot.guild_settings.current(guild_id)
            try:
                await self._show(settings, location, failing.get(key), cards.get(key))
            except UNREACHED as error:
                _logger.warning("A source's alarm could not be posted: %s", error)

    async def _show(
        self,
        settings: GuildSettings,
        location: str,
        source: FailingSource | None,
        card: SourceCard | None,
    ) -> None:
        """Post or edit the card of a source; `source` is None if it doesn't fail any more."""
        channel: Any = self._bot.get_channel(settings.review_channel_id or 0)
        if card is None or card.message_id is None:
            if card is not None and source is None:
                await self._drop(settings.guild_id, location)
            is_wanted = source is not None and settings.source_alarms
            if is_wanted and isinstance(channel, discord.abc.Messageable):
                new = card or SourceCard(settings.guild_id, location, datetime.now(UTC))
                await self._keep(new)
                said = self._words(settings, channel, location, source)
                message = await send_with_retries(
                    functools.partial(channel.send, said, silent=True, nonce=new.nonce)
                )
                # An earlier attempt may have posted other words, which are edited next.
                new = replace(new, channel_id=message.channel.id, message_id=message.id)
                await self._keep(replace(new, shown=message.content))
            return
        place = self._bot.get_channel(card.channel_id or 0)
        said = self._words(settings, place, location, source)
        if said != card.shown:
            try:
                partial: Any = self._bot.get_partial_messageable(card.channel_id or 0)
                await partial.get_partial_message(card.message_id).edit(content=said)
            except (discord.NotFound, discord.Forbidden):
                # A deleted card isn't posted again.
                _logger.info("The card of a source is gone.")
            await self._keep(replace(card, shown=said))
        if source is None:
            await self._drop(settings.guild_id, location)

    async def _keep(self, card: SourceCard) -> None:
        await self._bot.worker.call(lambda core: core.store.source_cards.keep(card))

    async def _drop(self, guild_id: int, location: str) -> None:
        await self._bot.worker.call(lambda core: core.store.source_cards.drop(guild_id, location))

    def _words(
        self, settings: GuildSettings, channel: Any, location: str, source: FailingSource | None
    ) -> str:
        roles = (settings.moderator_role_id,)
        is_closed = isinstance(channel, discord.abc.GuildChannel) and not visible_without_roles(
            channel, roles
        )
        is_named = is_closed or (source is not None and source.scope == SHARED)
        with speaking(settings.language):
            return messages.alarm(location, source, is_named=is_named)


Readable = discord.TextChannel | discord.ForumChannel

# Name of the bundled articles, given in place of an address.
ARTICLES: Final = "articles"

# Characters repeated of an address, and of the reason why it can't be a source.
_ADDRESS_CHARACTERS: Final = 400
_PROBLEM_CHARACTERS: Final = 1_000


class ReadableChannel(app_commands.Transformer):
    """Option for a channel that can be synced: a text, announcement or forum channel.

    discord.py's own option type for forum channels would offer media channels, too.
    """

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return [discord.ChannelType.text, discord.ChannelType.news, discord.ChannelType.forum]

    async def transform(
        self, _interaction: discord.Interaction[Any], value: Any, /
    ) -> Readable | None:
        """Return the complete channel from the cache; None if it is hidden from the bot."""
        channel = value.resolve()
        return channel if isinstance(channel, discord.TextChannel | discord.ForumChannel) else None


class SourcesCog(commands.Cog):
    """The `/source` commands."""

    source = administrators_group(
        "source", description("Channels and web addresses that I answer from."), defers=False
    )

    def __init__(self, bot: Services, sync: ChannelSync) -> None:
        self.bot = bot
        self._sync = sync

    async def cog_unload(self) -> None:
        self.bot.web_visits.stop()

    @source.command(
        name="add",
        description=description("Add a channel or a web address as a source."),
    )
    @app_commands.describe(
        channel=description(
            "A forum, an announcement channel, or a text channel's pinned messages."
        ),
        threads=description("For a text channel: read its threads instead of its pinned messages."),
        address=description(
            "A page, wiki, forum, sitemap or Git repository; or articles for the bundled ones."
        ),
        crawl=description("For an address: also read the linked pages below it."),
        kind=description("For a wiki, forum, tracker or feed: its kind, to read all of it."),
        only=description("With a kind: read only a part, such as category=Guides."),
        tags=description("A file with another bot's tags. Each tag becomes a note to review."),
    )
    @app_commands.choices(
        kind=[
            app_commands.Choice(name=service.label, value=kind)
            for kind, service in SERVICES.items()
        ]
    )
    async def add(
        self,
        interaction: Interaction,
        channel: app_commands.Transform[Readable | None, ReadableChannel] = None,
        threads: bool = False,
        address: app_commands.Range[str, 1, URL_CHARACTERS] | None = None,
        crawl: bool = False,
        kind: str | None = None,
        only: app_commands.Range[str, 1, 200] | None = None,
        tags: discord.Attachment | None = None,
    ) -> None:
        if tags is not None:
            await self._import_tags(interaction, tags)
        elif channel is not None:
            await self._add_channel(interaction, channel, threads=threads)
        elif address is not None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            if address.strip().casefold() == ARTICLES:
                await self._choose_articles(interaction, quoted=True)
            else:
                named = service.TypedAddress(address, crawl, kind or "", only or "")
                await add_address(interaction, named)
        else:
            which = messages.WHICH()
            await interaction.response.send_message(which, ephemeral=True)

    async def _add_channel(
        self, interaction: Interaction, channel: Readable, *, threads: bool
    ) -> None:
        guild_id = channel.guild.id
        reads = content_to_sync(channel, threads=threads)
        problem = self._problem(channel)
        if problem or reads is None:
            await interaction.response.send_message(problem, ephemeral=True)
            return
        # Progress is public.
        with speaking(await self.bot.guild_settings.language(guild_id)):
            begun = messages.channel_added(channel.id, reads)
            known = messages.KNOWN(channel=channel.mention)
        answered = await interaction.response.send_message(begun)
        followed = SyncedChannel(channel.id, guild_id, reads, datetime.now(UTC))
        place = ProgressMessage(interaction.channel_id or 0, answered.message_id or 0)
        if not await self._sync.add(followed, channel.name, interaction.user.id, place):
            await interaction.edit_original_response(content=known)

    def _problem(self, channel: Readable) -> str:
        followed = self.bot.followed.get(channel.guild.id, set())
        if not self._sync.is_on:
            told = messages.OFF
        elif content_to_sync(channel) is None:
            told = messages.NOT_READABLE
        elif channel.id in followed:
            told = messages.KNOWN
        elif len(followed) >= messages.MOST_CHANNELS:
            told = messages.TOO_MANY
        elif missing := missing_permissions(channel):
            return messages.missing_permissions(channel.mention, missing)
        else:
            return ""
        return told(channel=channel.mention, most=messages.MOST_CHANNELS)

    async def _import_tags(self, interaction: Interaction, file: discord.Attachment) -> None:
        """Propose the tags of a file as notes of the administrator."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id or 0
        member = Member(interaction.user.id, interaction.user.display_name)
        channel_id = interaction.channel_id or 0
        if not (await self.bot.guild_settings.settings(guild_id)).complete:
            await interaction.edit_original_response(content=messages.TAGS_NEED_SETUP())
            return
        try:
            found = await self.bot.attachments.tags(file, member.id, guild_id)
        except InvalidNoteError as error:
            refusal = plain_within(error_messages.invalid(error), _PROBLEM_CHARACTERS)
            await interaction.edit_original_response(content=refusal)
            return
        result = await self.bot.worker.run_slices(
            lambda core: import_tags(core.store, guild_id, member, channel_id, found.tags)
        )
        told = messages.tags_imported(result or TagImport(), found.unread)
        await interaction.edit_original_response(content=told)

    @source.command(
        name="list",
        description=description("Show each source with its documents and failures."),
    )
    async def list_sources(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await _show(interaction, 0)

    @source.command(
        name="sync",
        description=description("Read all sources of this server again."),
    )
    async def sync(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id or 0
        own = await self._addresses(Scope(guild_id))
        followed = self.bot.followed.get(guild_id, set())
        begun = messages.SYNCING if own or followed else messages.NO_SOURCE
        await interaction.edit_original_response(content=begun())
        await self._sync.begin(followed, whole=True)
        if own:
            await self.bot.web_visits.visit_now(own)

    @source.command(
        name="remove",
        description=description("Remove a source of this server."),
    )
    @app_commands.describe(source=description("The source."))
    async def remove(
        self, interaction: Interaction, source: app_commands.Range[str, 1, 100]
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        if source.strip().casefold() == ARTICLES:
            await self._choose_articles(interaction, quoted=False)
            return
        name = await self._remove(interaction, source)
        told = messages.REMOVED(source=name) if name else ""
        await interaction.edit_original_response(content=told or messages.UNKNOWN())

    async def _choose_articles(self, interaction: Interaction, *, quoted: bool) -> None:
        """Turn quoting of the bundled articles on or off, and show the result."""
        guild_id = interaction.guild_id or 0
        member_id = interaction.user.id
        report = await self.bot.worker.call(
            lambda core: service.choose_articles(core, guild_id, member_id, quoted=quoted)
        )
        self.bot.guild_settings.forget(guild_id)
        await interaction.edit_original_response(content=messages.articles_entry(report))

    async def _remove(self, interaction: Interaction, source: str) -> str:
        """Remove a source, and return its name, or "" if there is no such source."""
        scope = Scope(interaction.guild_id or 0)
        kind, _, key = source.partition(":")
        if kind == "channel" and key.isdecimal():
            channel_id = int(key)
            done = await self._sync.remove(channel_id, scope, interaction.user.id)
            return f"<#{channel_id}>" if done else ""
        known = await self._addresses(scope)
        location = next((one for one in known if source in (corpus.source_key(one), one)), None)
        location = location or service.find_by_address(known, source)
        if location is None:
            return ""
        await self.bot.worker.call(
            lambda core: core.store.remove_source(location, scope, interaction.user.id)
        )
        await self.bot.worker.run_slices(index_updates.update_pages)
        return plain_within(messages.location_name(location), _ADDRESS_CHARACTERS)

    @remove.autocomplete("source")
    async def choices(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        scope = Scope(interaction.guild_id or 0)
        reports = await self.bot.worker.call(lambda core: channel_sync_steps.reports(core, scope))
        named = [
            (messages.source_name(report.channel), f"channel:{report.channel.id}")
            for report in reports
        ]
        named += [
            (shorten(messages.location_name(each), 100), corpus.source_key(each))
            for each in await self._addresses(scope)
        ]
        named.append((messages.ARTICLES_NAME(), ARTICLES))
        wanted = typed.casefold()
        found = [(name, value) for name, value in named if wanted in name.casefold()]
        return [
            app_commands.Choice(name=shorten(name, 100), value=value) for name, value in found[:25]
        ]

    async def _addresses(self, scope: Scope) -> list[str]:
        """The addresses that the guild added, without the operator's files."""
        return service.own_addresses(await self.bot.worker.call(Core.sources), scope)


async def add_address(interaction: Interaction, named: service.TypedAddress) -> None:
    """Add an address as a source, visit it, and show the outcome in the deferred response."""
    bot = interaction.client
    scope, actor_id = Scope(interaction.guild_id or 0), interaction.user.id
    named = await bot.web_visits.recognise(named)
    shown = plain_within(named.address, _ADDRESS_CHARACTERS)
    try:
        location, added = await bot.worker.call(
            lambda core: service.add_address(core, named, scope, actor_id)
        )
    except MissingSourceError as error:
        told = messages.ADDRESS_REFUSED(problem=plain_within(str(error), _PROBLEM_CHARACTERS))
        await interaction.edit_original_response(content=told)
        return
    await interaction.edit_original_response(content=messages.address_added(added, shown))
    if added in (AddOutcome.KNOWN, AddOutcome.TOO_MANY, AddOutcome.WITHOUT_GIT):
        return
    text = messages.ADDRESS_WAITS(address=shown)
    if await bot.web_visits.visit_now([location]):
        states = await bot.worker.call(lambda core: service.states(core, [scope]))
        new = [state for state in states if state.location == location]
        lines = [messages.source_entry(state) for state in new]
        if any(map(messages.is_unread, new)):
            lines.append(messages.ADDRESS_UNREAD())
        text = "\n".join(lines)
    try:
        await interaction.edit_original_response(content=text)
    except discord.HTTPException as error:
        # The interaction may have expired meanwhile.
        if error.status >= 500:
            raise


class AddressForm(Form, ids=CustomId("form:address", nonce=NONCE), rule=administrators()):
    """Form for a web address to answer from."""

    def __init__(self) -> None:
        super().__init__(messages.ADD_ADDRESS())
        self.ask_text(
            messages.ADDRESS_FIELD(),
            "address",
            URL_CHARACTERS,
            messages.ADDRESS_HELP(),
        )
        amounts = [
            discord.SelectOption(label=label(), value=amount, default=amount == "page")
            for amount, label in messages.AMOUNTS.items()
        ]
        reads = discord.ui.Select[Any](custom_id="amount", options=amounts)
        self.ask(messages.AMOUNT_FIELD(), reads, messages.AMOUNT_HELP())

    @classmethod
    async def handle(
        cls, interaction: Interaction, subject: dict[str, Any], filled: Filled
    ) -> None:
        crawl = filled.choice("amount") == "site"
        await add_address(interaction, service.TypedAddress(filled.text("address"), crawl))


async def _show(interaction: Interaction, number: int) -> None:
    bot = interaction.client
    scope = Scope(interaction.guild_id or 0)
    sources = await bot.worker.call(lambda core: service.overview(core, scope))
    page = messages.source_list(sources, number)
    view = pages_view(page, PAGE_LABELS, lambda other, label: SourcesButton(label, page=other))
    await interaction.edit_original_response(content=page.content, view=view)


class SourcesButton(
    Button,
    ids=CustomId("sources", page=int),
    rule=administrators(),
    first=First.IN_PLACE,
):
    """Button to another page of the sources."""

    page: int

    async def on_click(self, interaction: Interaction) -> None:
        await _show(interaction, self.page)


def feature(bot: Services) -> Feature:
    sync = bot.channel_sync = ChannelSync(bot)
    visits = bot.web_visits = WebVisits(bot)
    cog, settings = SourcesCog(bot, sync), bot.settings.sources
    itself = ServerDocuments(bot)
    rounds = [
        Round(ROUND_SECONDS, SourceAlarms(bot).round, start=Start.INDEXED),
        Round(SERVER_SECONDS, itself.round),
    ]
    if settings.channels:
        rounds.append(Round(PAUSE_SECONDS, sync.round))
    if settings.web_hours:
        rounds.append(Round(VISIT_SECONDS, visits.round, by_leader=True, start=Start.INDEXED))
    return Feature([cog, ChannelEvents(bot, sync), itself], rounds, [sync.load])

"""Channel settings cog: `/channel set`, `show` and `reset`."""

from typing import Any, Final

import discord
from cachetools import TTLCache
from discord import app_commands
from discord.ext import commands

from bot.core.job_queue import Priority
from bot.interactions.kit.errors import UNREACHED, BusyError, in_time
from bot.interactions.kit.localisation import described, viewer_language
from bot.interactions.policy.command_groups import administrators_group
from bot.interactions.policy.permissions import (
    lacking_to_answer,
)
from bot.interactions.services import Cog, Interaction, Services
from bot.setup import channel_messages as messages
from bot.setup import channel_service as service
from bot.setup.channel_service import (
    Offered,
    combine_selection,
    complete_items,
    parse_items,
    parse_tags,
)
from bot.setup.messages import model_reads
from bot.text import languages
from bot.text.languages import Sentence
from bot.text.markdown import MESSAGE_CHARACTERS, beginning
from knowledge.values.channel_settings import (
    MOST_QUOTATIONS,
    MOST_WAIT_SECONDS,
    SETTINGS,
    AnsweredFrom,
    EffectiveSettings,
    Level,
    Mode,
)
from knowledge.values.guilds import Language

_CHANNELS: Final = app_commands.AppCommandChannel | app_commands.AppCommandThread


class _AnyChannel(app_commands.Transformer):
    """Option for any channel, thread or category, except media channels.

    discord.py's own option types would offer media channels, too.
    """

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        kinds = discord.ChannelType
        parts = [kinds.public_thread, kinds.private_thread, kinds.news_thread]
        written_in = [kinds.text, kinds.news, kinds.voice, kinds.stage_voice]
        return [*written_in, kinds.forum, kinds.category, *parts]

    async def transform(self, _interaction: discord.Interaction[Any], value: Any, /) -> Any:
        return value


AnyChannel = app_commands.Transform[
    app_commands.AppCommandChannel | app_commands.AppCommandThread, _AnyChannel
]

_TYPED_CHARACTERS: Final = 500
# TTL of cached choices: autocomplete asks for them at every key press.
_OFFERED_SECONDS: Final = 20
_GUILDS: Final = 100

_EVERYTHING: Final = "everything"


class ChannelsCog(Cog):
    """The `/channel` commands."""

    channel = administrators_group(
        "channel", described("Settings of a channel: help, privacy, language, sources.")
    )

    def __init__(self, bot: Services) -> None:
        super().__init__(bot)
        self._offered: TTLCache[int, Offered] = TTLCache(_GUILDS, _OFFERED_SECONDS)

    @channel.command(
        name="set",
        description=described("Change the settings of a channel, thread or category."),
    )
    @app_commands.describe(
        channel=described("A channel, thread or category; everything in it inherits this."),
        mode=described("Which messages I answer there."),
        wait=described("How many seconds people have to answer before I help."),
        private=described("Whether /ask answers privately by default."),
        language=described("The language of public messages there."),
        quotations=described("How many quotations an answer can have."),
        tags=described("Answer from these tags, comma-separated; all: everything."),
        sources=described("Answer from these sources, comma-separated; all: everything."),
        only_or_first=described("Whether to use only these, or these first."),
        replies=described("Whether answers by helpers and moderators are proposed as notes."),
    )
    @app_commands.choices(
        mode=[
            app_commands.Choice(name=described(label.english), value=mode.value)
            for mode, label in messages.MODE_CHOICES.items()
        ],
        language=[
            app_commands.Choice(name=name, value=language.value)
            for language, name in languages.NAMES.items()
        ],
        only_or_first=[
            app_commands.Choice(name=described(messages.ONLY_CHOICE.english), value="only"),
            app_commands.Choice(name=described(messages.FIRST_CHOICE.english), value="first"),
        ],
    )
    async def choose(
        self,
        interaction: Interaction,
        channel: AnyChannel,
        mode: str | None = None,
        wait: app_commands.Range[int, 0, MOST_WAIT_SECONDS] | None = None,
        private: bool | None = None,
        language: str | None = None,
        quotations: app_commands.Range[int, 1, MOST_QUOTATIONS] | None = None,
        tags: app_commands.Range[str, 1, _TYPED_CHARACTERS] | None = None,
        sources: app_commands.Range[str, 1, _TYPED_CHARACTERS] | None = None,
        only_or_first: str | None = None,
        replies: bool | None = None,
    ) -> None:
        """Store the given options as settings, then show the channel's settings with warnings."""
        place = await self._complete_channel(interaction, channel)
        if place is None:
            return
        chosen: dict[str, Any] = {
            "mode": None if mode is None else Mode(mode),
            "wait_seconds": wait,
            "private": private,
            "language": None if language is None else Language(language),
            "quotations": quotations,
            "from_replies": replies,
        }
        changes = {name: value for name, value in chosen.items() if value is not None}
        if (tags, sources, only_or_first) != (None, None, None):
            of = await self._answered_from(interaction, place, (tags, sources), only_or_first)
            if of is None:
                return
            changes["answered_from"] = of
        if changes:
            await self._change(interaction, place, changes)
        await self._show(interaction, place, messages.SAVED if changes else messages.NOTHING_CHOSEN)

    async def _answered_from(
        self,
        interaction: Interaction,
        place: Any,
        typed: tuple[str | None, str | None],
        only_or_first: str | None,
    ) -> AnsweredFrom | None:
        """Combine typed tags and sources. If there is a mistake, reply to it and return None."""
        viewer = await viewer_language(interaction)
        offered = await self._now_offered(place.guild.id)
        tags, sources = typed
        tag_names, names = _tag_names(offered), messages.source_names(viewer, offered)
        keys, unknown = parse_items(sources or "", {**names, "all": "all"})
        settings = self.bot.guild_settings
        own = (await settings.choices(place.guild.id)).channels.get(place.id, {})
        of = combine_selection(
            own.get("answered_from"),
            (await settings.in_channel(place)).answered_from,
            tags=None if tags is None else parse_tags(tags, tag_names),
            sources=None if sources is None else keys,
            first=None if only_or_first is None else only_or_first == "first",
        )
        refusal = ""
        if unknown:
            refusal = messages.no_source(viewer, unknown)
        elif len(of.tags) + len(of.sources) > messages.MOST_CHOSEN:
            refusal = messages.TOO_MANY(viewer, most=messages.MOST_CHOSEN)
        elif of.everything and only_or_first is not None:
            refusal = messages.NOTHING_TO_NARROW(viewer)
        if refusal:
            await interaction.edit_original_response(content=refusal)
            return None
        return of

    @channel.command(
        name="show",
        description=described("Show a channel's settings, and where each comes from."),
    )
    @app_commands.describe(
        channel=described("The channel, thread or category; this one by default.")
    )
    async def show(self, interaction: Interaction, channel: AnyChannel | None = None) -> None:
        place = await self._complete_channel(interaction, channel or interaction.channel)
        if place is not None:
            await self._show(interaction, place, messages.HOLDS)

    @channel.command(
        name="reset",
        description=described("Reset a channel's settings, so that it inherits them again."),
    )
    @app_commands.describe(
        channel=described("A channel, thread or category."),
        setting=described("The setting to reset; all of them if you choose none."),
    )
    @app_commands.choices(
        setting=[
            app_commands.Choice(name=described(label.english), value=value)
            for value, label in messages.RESET_CHOICES.items()
        ]
    )
    async def reset(
        self, interaction: Interaction, channel: AnyChannel, setting: str = _EVERYTHING
    ) -> None:
        place = await self._complete_channel(interaction, channel)
        if place is not None:
            undone = SETTINGS if setting == _EVERYTHING else (setting,)
            await self._change(interaction, place, dict.fromkeys(undone))
            await self._show(interaction, place, messages.RESET)

    async def _complete_channel(self, interaction: Interaction, channel: Any) -> Any:
        """Return the complete channel, because a command's option has only a part of its fields.

        If the bot can't see the channel, tell the member and return None.
        """
        try:
            # `fetch` for archived threads, which are never cached.
            is_part = isinstance(channel, _CHANNELS)
            return channel.resolve() or await channel.fetch() if is_part else channel
        except UNREACHED:
            refusal = messages.UNSEEN(await viewer_language(interaction))
        await interaction.edit_original_response(content=refusal)
        return None

    async def _change(self, interaction: Interaction, place: Any, changes: dict[str, Any]) -> None:
        guild_id, member_id = place.guild.id, interaction.user.id
        await self.bot.worker.call(
            lambda core: service.change(core, place.id, guild_id, changes, member_id)
        )
        self.bot.guild_settings.forget(guild_id)

    async def _show(self, interaction: Interaction, place: Any, lead: Sentence) -> None:
        """Show the settings in effect in a channel, thread or category, with warnings."""
        viewer, settings = await viewer_language(interaction), self.bot.guild_settings
        effective = await settings.in_channel(place)
        names = messages.source_names(viewer, await self._now_offered(place.guild.id))
        parts = [
            lead(viewer, channel=place.mention),
            messages.settings(viewer, effective, names, _level(place)),
            # An empty line, because Discord would join the next line to the last list item.
            "",
            *await self._warnings(place, effective, viewer),
        ]
        chosen = (await settings.choices(place.guild.id)).channels
        if rest := [channel_id for channel_id in chosen if channel_id != place.id]:
            parts.append(messages.others(viewer, rest))
        shown = beginning("\n".join(parts), MESSAGE_CHARACTERS)
        await interaction.edit_original_response(content=shown)

    async def _warnings(
        self, place: Any, effective: EffectiveSettings, viewer: Language
    ) -> list[str]:
        warnings: list[str] = []
        if effective.mode is not Mode.OFF and (lacking := lacking_to_answer(place)):
            warnings.append(messages.lacks(viewer, lacking))
        if effective.mode is Mode.HELP and not self.bot.intents.message_content:
            warnings.append(messages.NO_CONTENT(viewer))
        elif effective.from_replies and not self.bot.intents.message_content:
            warnings.append(messages.NO_CONTENT_FOR_REPLIES(viewer))
        guild_id, of = place.guild.id, effective.answered_from
        if not await self.bot.worker.call(
            lambda core: service.is_answerable(core, guild_id, of), priority=Priority.ASKING
        ):
            warnings.append(messages.NOTHING_THERE(viewer))
        read = await self.bot.worker.call(service.languages, priority=Priority.ASKING)
        if read and effective.language.value not in read:
            warnings.append(model_reads(effective.language, read, viewer))
        return warnings

    async def _now_offered(self, guild_id: int) -> Offered:
        offered = await self.bot.worker.call(
            lambda core: service.offered(core, guild_id), priority=Priority.ASKING
        )
        self._offered[guild_id] = offered
        return offered

    async def _offered_in_time(self, interaction: Interaction) -> Offered:
        guild_id = interaction.guild_id or 0
        try:
            async with in_time(interaction):
                return self._offered.get(guild_id) or await self._now_offered(guild_id)
        except BusyError:
            return Offered((), (), ())

    @choose.autocomplete("tags")
    async def _tags(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return _choices(typed, _tag_names(await self._offered_in_time(interaction)))

    @choose.autocomplete("sources")
    async def _sources(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        offered = await self._offered_in_time(interaction)
        names = messages.source_names(await viewer_language(interaction), offered)
        return _choices(typed, names)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._forget(channel.id, channel.guild.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        await self._forget(event.thread_id, event.guild_id)

    async def _forget(self, channel_id: int, guild_id: int) -> None:
        """Delete the settings of a channel that was deleted."""
        choices = await self.bot.guild_settings.choices(guild_id)
        if channel_id in choices.channels:
            await self.bot.worker.call(lambda core: service.forget(core, channel_id, guild_id))
            self.bot.guild_settings.forget(guild_id)


def _level(place: Any) -> Level:
    if isinstance(place, discord.Thread):
        return Level.THREAD
    return Level.CATEGORY if isinstance(place, discord.CategoryChannel) else Level.CHANNEL


def _tag_names(offered: Offered) -> dict[str, str]:
    return {tag: tag for tag in offered.tags}


def _choices(typed: str, names: dict[str, str]) -> list[app_commands.Choice[str]]:
    found = complete_items(typed, names)
    return [app_commands.Choice(name=choice.name, value=choice.value) for choice in found]

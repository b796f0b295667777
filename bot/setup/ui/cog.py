"""Setup cog: `/setup` and `/about`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import discord
from discord import app_commands

from bot.engine.job_queue import Priority
from bot.interactions.buttons import NUMBER
from bot.interactions.channel_access import readable_in, seen_by_others
from bot.interactions.guild_settings import viewer_language
from bot.interactions.localisation import described
from bot.interactions.permissions import SHOWN_TO_ADMINISTRATORS, also_directly, may_manage
from bot.interactions.services import Cog, Interaction
from bot.setup import messages
from bot.text import languages, permission_names
from knowledge.model.guilds import GuildSettings, Language
from knowledge.review.risk_flags import named_hosts

# Hosts and channels that an administrator lists.
_TYPED_CHARACTERS: Final = 2_000


class SetupCog(Cog):
    """Guild settings for administrators, and what the bot is for everybody."""

    @app_commands.command(
        name="setup",
        description=described("Choose where notes are reviewed, and by whom."),
    )
    @app_commands.describe(
        review_channel=described("The channel in which notes are reviewed."),
        moderator_role=described("The role that may decide on notes."),
        own_notes=described("Whether moderators may decide on notes of their own."),
        undo_minutes=described("For how long a decision can be taken back."),
        reminder_hours=described("After how many hours moderators are reminded; 0 for never."),
        sample_every=described("Look at one in so many notes published at once; 0 for none."),
        allowed_hosts=described(
            "Web hosts whose links need no second look, with blanks between; or none."
        ),
        private_answers=described(
            "Whether /ask answers the asker alone, unless they choose otherwise."
        ),
        answer_in=described(
            "Channels or categories in which mentions are answered; `all` for everywhere."
        ),
        quorum=described(
            "How many moderators must approve a note; /review rule asks for more by tag."
        ),
        ask_moderators=described(
            "Whether refused questions can be handed over to helpers and moderators."
        ),
        helper_role=described("The role that answers such questions, beside the moderators."),
        helpers_in=described(
            "The channel or forum where they are asked; the review channel, if none is chosen."
        ),
        stale_hours=described("After how many hours an unanswered question is stale; 0 for never."),
        language=described("The language of what everybody here reads."),
    )
    @app_commands.choices(
        language=[
            app_commands.Choice(name=name, value=language.value)
            for language, name in languages.NAMES.items()
        ]
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(SHOWN_TO_ADMINISTRATORS)
    async def setup(
        self,
        interaction: Interaction,
        review_channel: discord.TextChannel,
        moderator_role: discord.Role,
        own_notes: bool | None = None,
        undo_minutes: app_commands.Range[int, 0, 1440] | None = None,
        reminder_hours: app_commands.Range[int, 0, 720] | None = None,
        sample_every: app_commands.Range[int, 0, 1000] | None = None,
        allowed_hosts: app_commands.Range[str, 1, _TYPED_CHARACTERS] | None = None,
        private_answers: bool | None = None,
        answer_in: app_commands.Range[str, 1, _TYPED_CHARACTERS] | None = None,
        quorum: app_commands.Range[int, 1, 10] | None = None,
        language: str | None = None,
        ask_moderators: bool | None = None,
        helper_role: discord.Role | None = None,
        helpers_in: discord.TextChannel | discord.ForumChannel | None = None,
        stale_hours: app_commands.Range[int, 0, 720] | None = None,
    ) -> None:
        """Keep the choice, say which permissions are missing, post what waits for review."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild = review_channel.guild
        channels, unknown = listened_to(guild, answer_in)
        hosts, others = named_hosts(allowed_hosts or "")
        if refusal := await _refusal(interaction, unknown, others):
            await interaction.edit_original_response(content=refusal)
            return
        changed: dict[str, Any] = {
            "review_channel_id": review_channel.id,
            "moderator_role_id": moderator_role.id,
            "four_eyes": None if own_notes is None else not own_notes,
            "undo_minutes": undo_minutes,
            "reminder_hours": reminder_hours,
            "sample_every": sample_every,
            "allowed_hosts": None if allowed_hosts is None else hosts,
            "private_answers": private_answers,
            "listen_channels": channels,
            "language": None if language is None else Language(language),
            "hand_on": ask_moderators,
            "helper_role_id": helper_role.id if helper_role else None,
            "handover_channel_id": helpers_in.id if helpers_in else None,
            "handover_hours": stale_hours,
        }
        settings, needed = await self._kept(guild.id, interaction.user.id, changed, quorum)
        missing = missing_permissions(review_channel)
        # Where their Discord's language is none of mine, what they have just chosen holds.
        viewer = await viewer_language(interaction)
        mentions = (review_channel.mention, moderator_role.mention)
        said = messages.set_up(mentions, missing, settings, needed, viewer)
        if settings.hand_on and (risk := _helpers_place(guild, settings)):
            said = f"{said}\n{messages.read_by_others(risk, viewer)}"
        if silent := silent_in(guild, settings.listen_channels):
            said = f"{said}\n{messages.can_not_answer(silent, viewer)}"
        await interaction.edit_original_response(content=said)
        if not missing:
            # Notes may wait that came before there was a channel that takes them, or in another.
            await self.bot.outbox.move_cards(guild.id)
            await self.bot.outbox.catch_up()

    async def _kept(
        self, guild_id: int, member_id: int, changed: dict[str, Any], quorum: int | None
    ) -> tuple[GuildSettings, int]:
        """Keep what was chosen; what was left out stays as it is.

        Returns:
            The settings and the quorum as they hold now.
        """
        given = {name: value for name, value in changed.items() if value is not None}
        settings, rule = await self.bot.worker.call(
            lambda core: core.store.guilds.change(guild_id, given, quorum, member_id)
        )
        self.bot.guild_settings.forget(guild_id)
        if settings.private_answers is None:
            settings = replace(settings, private_answers=self.bot.settings.answers.private)
        return settings, rule.quorum

    @app_commands.command(
        name="about",
        description=described("What this bot is and how much it knows."),
    )
    @also_directly
    async def about(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        viewer = await viewer_language(interaction)
        channels = readable_in(interaction, private=True)
        counts, changed_at = await self.bot.worker.call(
            lambda core: (
                core.counts(interaction.guild_id, channels),
                core.index.tables.changed_at(),
            ),
            priority=Priority.ASKING,
        )
        model = self.bot.settings.model.name
        sentence = messages.about(own_version(), counts, model, changed_at, viewer)
        await interaction.edit_original_response(content=sentence)


async def _refusal(interaction: Interaction, channels: Sequence[str], hosts: Sequence[str]) -> str:
    """Why nothing is changed, if so: these words are no channels, these are no hosts."""
    viewer = await viewer_language(interaction)
    if not may_manage(interaction):
        return messages.SETUP_NEEDS_ADMIN(viewer)
    if channels:
        return messages.no_channels(channels, viewer)
    return messages.no_hosts(hosts, viewer) if hosts else ""


# What messages can be written in, or what holds such channels.
_LISTENED_TO: Final = (
    discord.TextChannel,
    discord.VoiceChannel,
    discord.StageChannel,
    discord.ForumChannel,
    discord.CategoryChannel,
)


def listened_to(
    guild: discord.Guild, typed: str | None
) -> tuple[tuple[int, ...] | None, list[str]]:
    """The channels that somebody typed as mentions or ids, none of them for `all`.

    Returns:
        Their ids, or None where nothing was typed; and what was typed that is no such channel.
    """
    if typed is None:
        return None, []
    words = typed.replace(",", " ").split()
    if words == ["all"]:
        return (), []
    found: dict[int, None] = {}
    unknown = [] if words else [typed]
    for word in words:
        match = re.fullmatch(rf"<#({NUMBER})>|({NUMBER})", word)
        channel = guild.get_channel(int(match[1] or match[2])) if match else None
        if isinstance(channel, _LISTENED_TO):
            found[channel.id] = None
        else:
            unknown.append(word)
    return tuple(found), unknown


def _helpers_place(guild: discord.Guild, settings: GuildSettings) -> int | None:
    """Where questions are handed over, if others than helpers and moderators read there, too."""
    channel_id = settings.handover_channel_id or settings.review_channel_id or 0
    channel = guild.get_channel(channel_id)
    roles = (settings.helper_role_id, settings.moderator_role_id)
    return channel_id if channel is not None and seen_by_others(channel, roles) else None


def silent_in(guild: discord.Guild, channel_ids: Sequence[int]) -> list[int]:
    """Those of these channels in which the bot can't read or write."""
    found: list[int] = []
    for channel_id in channel_ids:
        channel = guild.get_channel(channel_id)
        if channel is None:
            continue
        have = channel.permissions_for(guild.me)
        if not (have.view_channel and have.send_messages and have.read_message_history):
            found.append(channel_id)
    return found


def missing_permissions(channel: discord.TextChannel) -> list[str]:
    have = channel.permissions_for(channel.guild.me)
    return [name for name in permission_names.PERMISSION_NAMES if not getattr(have, name)]


def own_version() -> str:
    """The installed version, or what a checkout that is not installed calls itself."""
    try:
        return version("commonplace")
    except PackageNotFoundError:
        return "(not installed)"

"""Reviewing: the card in the review channel, its buttons, and telling the contributor."""

import logging
import re
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot import wording
from bot.cogs.explaining import explained
from bot.core import Core
from bot.worker import Priority
from knowledge.model import REASON_CHARACTERS, Decision, GuildSettings, Note, State

if TYPE_CHECKING:
    from bot.client import Bot

_STYLES = {
    Decision.APPROVE: discord.ButtonStyle.success,
    Decision.REJECT: discord.ButtonStyle.danger,
}

_logger = logging.getLogger(__name__)


class Reviews(commands.Cog):
    """What moderators can do. Their buttons are persistent and need no command."""

    def __init__(self, bot: "Bot") -> None:
        """Review through the bot's worker."""
        self.bot = bot


async def post_card(bot: "Bot", note: Note, settings: GuildSettings) -> bool:
    """Post a note's card in the review channel; False if that channel does not take it."""
    channel = bot.get_channel(settings.review_channel_id or 0)
    if not isinstance(channel, discord.abc.Messageable):
        return False
    *before, last = wording.card(note)
    try:
        for part in before:
            await channel.send(part)
        message = await channel.send(last, view=card_view(note) or discord.utils.MISSING)
    except discord.HTTPException as error:
        _logger.warning("A review card could not be posted: %s", error)
        return False
    await bot.worker.call(
        Core.place_card,
        note.revision.id,
        message.channel.id,
        message.id,
        priority=Priority.REVIEWING,
    )
    return True


def card_view(note: Note) -> discord.ui.View | None:
    """The buttons of a card that can still be decided on."""
    if note.revision.state is not State.PENDING:
        return None
    view = discord.ui.View(timeout=None)
    for decision in Decision:
        view.add_item(CardButton(note.revision.id, decision))
    return view


def may_decide(member: discord.abc.User, settings: GuildSettings) -> bool:
    """Whether somebody is a moderator at this moment: the role, or managing the server."""
    if not isinstance(member, discord.Member):
        return False
    if member.guild_permissions.manage_guild:
        return True
    return any(role.id == settings.moderator_role_id for role in member.roles)


class CardButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=wording.CARD_BUTTON
):
    """*Approve* and *Reject* on a card; they work after a restart."""

    def __init__(self, revision_id: int, decision: Decision) -> None:
        """The button for one decision on one revision."""
        super().__init__(
            discord.ui.Button(
                label=wording.decision_label(decision),
                style=_STYLES[decision],
                custom_id=f"card:{revision_id}:{decision.value}",
            )
        )
        self.revision_id = revision_id
        self.decision = decision

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
    ) -> "CardButton":
        """Make the button anew from its id."""
        return cls(int(match["revision"]), Decision(match["action"]))

    @explained
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Approve at once; ask for the reason of a rejection first."""
        if self.decision is Decision.REJECT:
            # A form must be the first response, so the rights are checked when it comes back.
            await interaction.response.send_modal(ReasonModal(self.revision_id))
            return
        await decide(interaction, self.revision_id, self.decision, "")


class ReasonModal(discord.ui.Modal, title="Reject this note"):
    """The form that asks for the reason of a rejection."""

    def __init__(self, revision_id: int) -> None:
        """A form for one revision."""
        super().__init__(custom_id=f"reason:{revision_id}", timeout=None)
        self._revision_id = revision_id
        self.reason = discord.ui.TextInput[Any](
            custom_id="reason",
            style=discord.TextStyle.paragraph,
            max_length=REASON_CHARACTERS,
        )
        self.add_item(
            discord.ui.Label(
                text="Reason", description="The contributor is told.", component=self.reason
            )
        )

    @explained
    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Reject with the reason."""
        await decide(interaction, self._revision_id, Decision.REJECT, self.reason.value.strip())


async def decide(
    interaction: discord.Interaction[Any], revision_id: int, decision: Decision, reason: str
) -> None:
    """Check the rights of whoever clicked, decide, bring the card up to date, tell people."""
    bot: Bot = interaction.client
    await interaction.response.defer(ephemeral=True, thinking=True)
    refusal = await _refusal(bot, interaction, revision_id)
    if refusal:
        await interaction.edit_original_response(content=refusal)
        return
    moderator = (interaction.user.id, interaction.user.display_name)
    outcome: tuple[Note, bool] | None = await bot.worker.call(
        Core.decide, revision_id, moderator, decision, reason, priority=Priority.REVIEWING
    )
    if outcome is None:
        await interaction.edit_original_response(content=wording.CARD_GONE)
        return
    note, won = outcome
    sentence = wording.decided(note) if won else wording.already_decided(note)
    await interaction.edit_original_response(content=sentence)
    await refresh_card(bot, note)
    if won:
        await tell_contributor(bot, note)


async def _refusal(bot: "Bot", interaction: discord.Interaction[Any], revision_id: int) -> str:
    """Why whoever clicked may not decide, or nothing."""
    note: Note | None = await bot.worker.call(
        Core.note_of_revision, revision_id, priority=Priority.REVIEWING
    )
    # A custom_id can be forged: a revision of another guild is as good as none.
    if note is None or note.guild_id != interaction.guild_id:
        return wording.CARD_GONE
    settings: GuildSettings = await bot.worker.call(
        Core.guild_settings, note.guild_id, priority=Priority.REVIEWING
    )
    if not may_decide(interaction.user, settings):
        return wording.NOT_A_MODERATOR
    if note.contributor_id == interaction.user.id:
        return wording.OWN_NOTE
    return ""


async def refresh_card(bot: "Bot", note: Note) -> None:
    """Make a card show where its revision stands now."""
    if note.card is None:
        return
    channel_id, message_id = note.card
    channel = bot.get_channel(channel_id)
    if not isinstance(channel, discord.abc.Messageable) or not hasattr(
        channel, "get_partial_message"
    ):
        return
    message = channel.get_partial_message(message_id)
    try:
        await message.edit(content=wording.card(note)[-1], view=card_view(note))
    except discord.HTTPException as error:
        # Somebody may have deleted the card; the decision stands all the same.
        _logger.warning("A review card could not be edited: %s", error)


async def tell_contributor(bot: "Bot", note: Note) -> None:
    """Tell the contributor what was decided: by direct message, else where they proposed it."""
    first, *rest = wording.outcome_for_contributor(note)
    try:
        user = bot.get_user(note.contributor_id) or await bot.fetch_user(note.contributor_id)
        for part in (first, *rest):
            await user.send(part)
    except discord.HTTPException:
        channel = bot.get_channel(note.channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return
        allowed = discord.AllowedMentions(users=[discord.Object(note.contributor_id)])
        try:
            await channel.send(f"<@{note.contributor_id}> {first}", allowed_mentions=allowed)
        except discord.HTTPException as error:
            _logger.warning("A contributor could not be told: %s", error)

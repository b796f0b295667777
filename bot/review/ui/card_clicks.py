"""Decisions of moderators: check rights, decide, tell everyone concerned."""

from collections.abc import Mapping
from typing import Any, Final

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.rules import moderators
from bot.interactions.services import Interaction
from bot.review import messages, service
from bot.review.service import Acted, Action, Click
from bot.text.languages import Sentence
from knowledge.values.notes import Member, Note

_MODERATORS: Final = moderators()


async def deciders(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Admit members who are moderators now; sets the `note` with the revision."""
    found = await _MODERATORS(interaction, values)
    if isinstance(found, Sentence):
        return found
    # A custom_id can be forged, so revisions of other guilds are not found.
    guild_id, revision_id = interaction.guild_id or 0, values["revision_id"]
    note = await interaction.client.worker.call(
        lambda core: service.revision(core, guild_id, revision_id), priority=Priority.ASKING
    )
    return messages.CARD_GONE if note is None else {"note": note}


def first_on_card(interaction: Interaction) -> First:
    """First response to a click: on a card a private answer, in the queue the next page."""
    in_queue = interaction.client.queue.place(interaction.message) is not None
    return First.IN_PLACE if in_queue else First.THINKING


async def act(
    interaction: Interaction,
    note: Note,
    action: Action,
    *,
    reason: str = "",
    duplicate_of: str = "",
) -> bool:
    """Act on a note, update its card and notify the people concerned.

    Returns whether the action was done. If not, the moderator was told the reason.
    """
    moderator = Member(interaction.user.id, interaction.user.display_name)
    click = Click(action, moderator, interaction.id, reason, duplicate_of)
    acted = await interaction.client.worker.run_slices(
        lambda core: service.act(core, note, click), priority=Priority.REVIEWING
    )
    return await say_done(interaction, acted, action)


async def say_done(interaction: Interaction, acted: Acted | None, action: Action) -> bool:
    """Tell the moderator the outcome, then everyone concerned.

    Returns:
        Whether anything was done.
    """
    bot = interaction.client
    language = await viewer_language(interaction)
    if acted is None:
        await tell(interaction, messages.CARD_GONE(language))
        return False
    outcome = acted.outcome
    if outcome.obstacle is not None:
        sentence = messages.obstacle(outcome.note, outcome.obstacle, acted.quorum, language)
    else:
        sentence = messages.done(outcome.note, action, acted.quorum, language)
    try:
        await tell(interaction, sentence)
    finally:
        await bot.outbox.catch_up()
    return outcome.obstacle is None


async def tell(interaction: Interaction, sentence: str) -> None:
    """Show the outcome of a click; in the queue, it is shown above the next note."""
    bot = interaction.client
    place = bot.queue.place(interaction.message)
    if place is None:
        await interaction.edit_original_response(content=sentence)
        return
    page = await bot.queue.page(interaction, place, sentence)
    await interaction.edit_original_response(**page)

"""Decisions of moderators: rights, outcome messages, and the delivery of cards and notices."""

from collections.abc import Mapping
from typing import Any, Final

from bot.core.job_queue import Priority
from bot.interactions.kit.authorization import First, Found
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.component_access import moderators
from bot.interactions.services import Interaction
from bot.review import actions, messages
from bot.review.actions import Action, Click
from bot.text.languages import Sentence
from knowledge.values.notes import Member, Note, Outcome

_MODERATORS: Final = moderators()


async def moderators_of_revision(
    interaction: Interaction, values: Mapping[str, Any]
) -> Found | Sentence:
    """Admit current moderators, and set `note` to the note with the revision."""
    found = await _MODERATORS(interaction, values)
    if isinstance(found, Sentence):
        return found
    # A custom_id can be forged, so revisions of other guilds are not found.
    guild_id, revision_id = interaction.guild_id or 0, values["revision_id"]
    note = await interaction.client.worker.call(
        lambda core: core.store.notes.find(revision_id, guild_id), priority=Priority.ASKING
    )
    return messages.CARD_GONE if note is None else {"note": note}


def first_response_to_decision(interaction: Interaction) -> First:
    """The first response to a click on a decision.

    A click on a card gets a private message in response. The queue is a private message already, so
    a click there shows the next note in the same message.
    """
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
    """Carry out an action on a note, show the outcome, and deliver cards and notices.

    Return whether the action was done. If it wasn't, the moderator is shown the reason.
    """
    moderator = Member(interaction.user.id, interaction.user.display_name)
    click = Click(action, moderator, interaction.id, reason, duplicate_of)
    acted = await interaction.client.worker.run_slices(
        lambda core: actions.act(core, note, click), priority=Priority.REVIEWING
    )
    return await report_outcome(interaction, acted, action)


async def report_outcome(
    interaction: Interaction, acted: tuple[Outcome, int] | None, action: Action
) -> bool:
    """Show the moderator the outcome, then deliver cards and notices.

    Return whether the action was done.
    """
    bot = interaction.client
    language = await viewer_language(interaction)
    if acted is None:
        await show_outcome(interaction, messages.CARD_GONE(language))
        return False
    outcome, quorum = acted
    if outcome.obstacle is not None:
        sentence = messages.obstacle(outcome.note, outcome.obstacle, quorum, language)
    else:
        sentence = actions.confirmation(outcome.note, action, quorum, language)
    try:
        await show_outcome(interaction, sentence)
    finally:
        await bot.outbox.catch_up()
    return outcome.obstacle is None


async def show_outcome(interaction: Interaction, sentence: str) -> None:
    """Show the outcome of a click. In the queue, the outcome is shown above the next note."""
    bot = interaction.client
    place = bot.queue.place(interaction.message)
    if place is None:
        await interaction.edit_original_response(content=sentence)
        return
    page = await bot.queue.page(interaction, place, sentence)
    await interaction.edit_original_response(**page)

"""Decisions of moderators: rights are checked, the decision is made, everybody is told."""

from collections.abc import Mapping
from typing import Any, Final

from bot.core.job_queue import Priority
from bot.interactions.kit.door import First, Found
from bot.interactions.kit.localisation import viewer_language
from bot.interactions.policy.rules import moderators
from bot.interactions.services import Interaction
from bot.review import messages, service
from bot.review.service import Acted, Action, Click
from bot.text.languages import Sentence
from knowledge.values.notes import Member, Note

_MODERATORS: Final = moderators()


async def deciders(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Let those in who are moderators at this moment; finds the `note` with the revision."""
    found = await _MODERATORS(interaction, values)
    if isinstance(found, Sentence):
        return found
    # A custom_id can be forged: a revision of another guild is as good as none.
    guild_id, revision_id = interaction.guild_id or 0, values["revision_id"]
    note = await interaction.client.worker.call(
        lambda core: service.revision(core, guild_id, revision_id), priority=Priority.ASKING
    )
    return messages.CARD_GONE if note is None else {"note": note}


def first_on_card(interaction: Interaction) -> First:
    """The first response to a click: on a card a private answer, in the queue its next page."""
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
    """Do what a moderator decided, and bring cards and people up to date.

    Returns whether it was done; if not, they were told why.
    """
    moderator = Member(interaction.user.id, interaction.user.display_name)
    click = Click(action, moderator, interaction.id, reason, duplicate_of)
    acted = await interaction.client.worker.run_slices(
        lambda core: service.act(core, note, click), priority=Priority.REVIEWING
    )
    return await say_done(interaction, acted, action)


async def say_done(interaction: Interaction, acted: Acted | None, action: Action) -> bool:
    """Tell the moderator what came of it, then everybody else whom it concerns.

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
    """Say what came of a click; in the queue, above the note that is next."""
    bot = interaction.client
    place = bot.queue.place(interaction.message)
    if place is None:
        await interaction.edit_original_response(content=sentence)
        return
    page = await bot.queue.page(interaction, place, sentence)
    await interaction.edit_original_response(**page)

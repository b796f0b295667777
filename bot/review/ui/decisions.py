"""Decisions of moderators: rights are checked, the decision is made, everybody is told."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.interactions.policy.door import First, Found, moderators
from bot.interactions.policy.guild_settings import viewer_language
from bot.interactions.services import Interaction, Services
from bot.review import messages, service
from bot.review.cards import Action
from bot.text.languages import Sentence
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member, Note, Outcome, PageVeto

_MODERATORS: Final = moderators()
_RULED = {
    Action.APPROVE: Decision.APPROVE,
    Action.REQUEST_CHANGES: Decision.REQUEST_CHANGES,
    Action.REJECT: Decision.REJECT,
    Action.DUPLICATE: Decision.DUPLICATE,
}

# The revision that is live once it is done.
LIVE_AFTER: Final[Mapping[Action, Callable[[Core, Note], int]]] = {
    Action.APPROVE: lambda _, note: note.revision.id,
    Action.ROLL_BACK: lambda _, note: note.revision.id,
    Action.UNDO: service.live_before,
    Action.RESTORE: lambda _, note: note.retired_revision_id or 0,
}
# What is done to the revision that a card is about, and what to its note.
_OF_REVISIONS = {Action.UNDO, Action.ROLL_BACK}
_CHANGES: Final[Mapping[Action, Callable[[Store], Callable[..., Outcome | None]]]] = {
    Action.UNDO: lambda store: store.decisions.undo,
    Action.ROLL_BACK: lambda store: store.decisions.roll_back,
    Action.KEEP: lambda store: store.decisions.keep,
    Action.RETIRE: lambda store: store.decisions.retire,
    Action.RESTORE: lambda store: store.decisions.restore,
    Action.OFF_PAGE: lambda store: partial(
        store.public_notes.keep_off, by=PageVeto.MODERATOR, vetoed=True
    ),
    Action.ON_PAGE: lambda store: partial(
        store.public_notes.keep_off, by=PageVeto.MODERATOR, vetoed=False
    ),
}


async def deciders(interaction: Interaction, values: Mapping[str, Any]) -> Found | Sentence:
    """Let those in who are moderators at this moment; finds the `note` with the revision."""
    found = await _MODERATORS(interaction, values)
    if isinstance(found, Sentence):
        return found
    # A custom_id can be forged: a revision of another guild is as good as none.
    guild_id, revision_id = interaction.guild_id or 0, values["revision_id"]
    note = await interaction.client.worker.call(
        lambda core: core.store.notes.find(revision_id, guild_id), priority=Priority.ASKING
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
    bot = interaction.client
    moderator = Member(interaction.user.id, interaction.user.display_name)
    guild_id, revision_id = note.guild_id, note.revision.id
    await _embed_ahead(bot, note, action)
    if action in _RULED:
        ruling = Ruling(_RULED[action], reason, duplicate_of)
        outcome = await bot.worker.call(
            lambda core: service.decide(
                core, guild_id, revision_id, moderator, ruling, interaction.id
            )
        )
    else:
        subject_id = revision_id if action in _OF_REVISIONS else note.id
        change = _CHANGES[action]
        why = {"reason": reason} if reason else {}
        outcome = await bot.worker.call(
            lambda core: service.taken(
                core,
                guild_id,
                interaction.id,
                lambda: change(core.store)(guild_id, subject_id, moderator, **why),
            )
        )
    return await say_done(interaction, outcome, action)


async def _embed_ahead(bot: Services, note: Note, action: Action) -> None:
    live_after = LIVE_AFTER.get(action)
    if live_after is not None:
        await bot.worker.run_slices(
            lambda core: service.embed_revision_ahead(core, note.guild_id, live_after(core, note)),
            priority=Priority.REVIEWING,
        )


async def say_done(interaction: Interaction, outcome: Outcome | None, action: Action) -> bool:
    """Tell the moderator what came of it, then everybody else whom it concerns.

    Returns:
        Whether anything was done.
    """
    bot = interaction.client
    language = await viewer_language(interaction)
    if outcome is None:
        await tell(interaction, messages.CARD_GONE(language))
        return False
    quorum = await bot.worker.call(lambda core: service.quorum(core, outcome.note))
    if outcome.obstacle is not None:
        sentence = messages.obstacle(outcome.note, outcome.obstacle, quorum, language)
    else:
        sentence = messages.done(outcome.note, action, quorum, language)
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

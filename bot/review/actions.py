"""Moderators' actions on a note, each declared once.

A declaration has the action's label and place on cards, the states in which it is offered, its
form, its effect and its confirmation. All actions are for moderators, on notes of their own server
(`bot.review.ui.cards`); the store refuses decisions on one's own note. The values of `Action` are
in the custom_ids of posted cards, so none is renamed or removed.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from bot.core.core import Core
from bot.review.cards import is_live_or_pending, page_line, status_line
from bot.review.service import (
    decide,
    earlier_revision,
    embed_ahead,
    embed_revision_ahead,
    once_per_interaction,
    quorum,
)
from bot.text.languages import Sentence, speak
from bot.text.markdown import plain, shorten
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member, Note, Outcome, PageVeto, State
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission

# The most buttons on a card; further actions are in its menu.
BUTTONS: Final = 5


class Action(StrEnum):
    """The action of a button on a card."""

    APPROVE = "approve"
    EDIT = "edit"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    DUPLICATE = "duplicate"
    IMPACT = "impact"
    WORDINGS = "wordings"
    UNDO = "undo"
    KEEP = "keep"
    RETIRE = "retire"
    RESTORE = "restore"
    ROLL_BACK = "roll_back"
    OFF_PAGE = "off_page"
    ON_PAGE = "on_page"
    HAND_ON = "hand_on"


class Click(NamedTuple):
    """A moderator's click on a card or form."""

    action: Action
    moderator: Member
    interaction_id: int
    reason: str = ""
    duplicate_of: str = ""


_Effect = Callable[[Core, Note, Click], Outcome | None]


class Declaration(NamedTuple):
    """An action on a note.

    `says` confirms the action, with the fields `title` and `name`. Without an `effect`, the action
    has a user interface of its own. A `rare` action is in the menu, if the menu has another one.
    `form` is the title of the form for a reason. `publishes` is the id of the revision that the
    action would make live, or 0.
    """

    label: Sentence
    offered: Callable[[Note, GuildSettings, datetime], bool]
    says: Sentence | None = None
    effect: _Effect | None = None
    style: str = "secondary"
    rare: bool = False
    form: Sentence | None = None
    needs_reason: bool = False
    publishes: Callable[[Core, Note], int] = lambda core, note: 0


def _decision(decision: Decision) -> _Effect:
    return lambda core, note, click: decide(
        core,
        note.guild_id,
        note.revision.id,
        click.moderator,
        Ruling(decision, click.reason, click.duplicate_of),
        click.interaction_id,
    )


def _change(change: Callable[[Store, Note, Click], Outcome | None]) -> _Effect:
    return lambda core, note, click: once_per_interaction(
        core, note.guild_id, click.interaction_id, lambda: change(core.store, note, click)
    )


def _page_veto(*, vetoed: bool) -> _Effect:
    return _change(
        lambda store, note, click: store.public_notes.set_veto(
            note.guild_id, note.id, click.moderator, PageVeto.MODERATOR, vetoed=vetoed
        )
    )


def _is_pending(note: Note, _settings: GuildSettings, _at: datetime) -> bool:
    return note.revision.state is State.PENDING


def _for_page(note: Note, settings: GuildSettings) -> bool:
    return settings.page and is_live_or_pending(note)


def _own_revision(_core: Core, note: Note) -> int:
    return note.revision.id


def _earlier_revision(core: Core, note: Note) -> int:
    """The last approved revision before a live one."""
    if not note.live:
        return 0
    approved = earlier_revision(core, note, lambda other: other.revision.state is State.APPROVED)
    return approved.revision.id if approved is not None else 0


# In the order on a card.
ACTIONS: Final[Mapping[Action, Declaration]] = {
    Action.APPROVE: Declaration(
        Sentence("Approve"),
        _is_pending,
        Sentence("“{title}” is live: I can answer from it now."),
        _decision(Decision.APPROVE),
        style="success",
        publishes=_own_revision,
    ),
    Action.EDIT: Declaration(
        Sentence("Edit & approve"),
        _is_pending,
        Sentence("“{title}” is live in your words. I'll show {name} what you changed."),
    ),
    Action.REQUEST_CHANGES: Declaration(
        Sentence("Request changes"),
        _is_pending,
        Sentence("I'll ask {name} to revise “{title}”."),
        _decision(Decision.REQUEST_CHANGES),
        form=Sentence("Request changes"),
        needs_reason=True,
    ),
    Action.REJECT: Declaration(
        Sentence("Reject"),
        _is_pending,
        Sentence("“{title}” is rejected. I'll tell {name}."),
        _decision(Decision.REJECT),
        style="danger",
        form=Sentence("Reject this note"),
        needs_reason=True,
    ),
    Action.KEEP: Declaration(
        Sentence("Keep as it is"),
        lambda note, settings, at: note.needs_another_review(at),
        Sentence("“{title}” stays as it is, verified today."),
        _change(
            lambda store, note, click: store.decisions.keep(note.guild_id, note.id, click.moderator)
        ),
        style="success",
    ),
    Action.RETIRE: Declaration(
        Sentence("Retire"),
        lambda note, settings, at: note.live,
        Sentence("“{title}” is retired: I no longer answer from it."),
        _change(
            lambda store, note, click: store.decisions.retire(
                note.guild_id, note.id, click.moderator, click.reason
            )
        ),
        style="danger",
        form=Sentence("Retire this note"),
    ),
    Action.RESTORE: Declaration(
        Sentence("Restore"),
        lambda note, settings, at: note.retired,
        Sentence("“{title}” is live again."),
        _change(
            lambda store, note, click: store.decisions.restore(
                note.guild_id, note.id, click.moderator, click.reason
            )
        ),
        style="success",
        form=Sentence("Restore this note"),
        publishes=lambda core, note: note.retired_revision_id or 0,
    ),
    Action.ROLL_BACK: Declaration(
        Sentence("Make live again"),
        # On the note's history instead: the card of an earlier text has no buttons.
        lambda note, settings, at: False,
        Sentence("“{title}” is live again with this text."),
        _change(
            lambda store, note, click: store.decisions.roll_back(
                note.guild_id, note.revision.id, click.moderator
            )
        ),
        publishes=_own_revision,
    ),
    Action.UNDO: Declaration(
        Sentence("Undo"),
        lambda note, settings, at: note.can_be_undone(at, timedelta(minutes=settings.undo_minutes)),
        Sentence("Taken back: “{title}” is pending again."),
        _change(
            lambda store, note, click: store.decisions.undo(
                note.guild_id, note.revision.id, click.moderator, click.reason
            )
        ),
        form=Sentence("Take back the decision"),
        publishes=_earlier_revision,
    ),
    Action.IMPACT: Declaration(Sentence("What would change?"), _is_pending),
    Action.DUPLICATE: Declaration(
        Sentence("Duplicate of…"),
        _is_pending,
        Sentence("“{title}” is closed as a duplicate. I'll tell {name}."),
        _decision(Decision.DUPLICATE),
        rare=True,
        form=Sentence("Close as a duplicate"),
    ),
    Action.WORDINGS: Declaration(
        Sentence("Asked as…"),
        lambda note, settings, at: is_live_or_pending(note),
        rare=True,
    ),
    Action.HAND_ON: Declaration(
        Sentence("Choose who looks after it…"),
        lambda note, settings, at: note.live and settings.ask_writers,
        rare=True,
    ),
    Action.OFF_PAGE: Declaration(
        Sentence("Keep off the public page"),
        lambda note, settings, at: (
            _for_page(note, settings) and PageVeto.MODERATOR not in note.off_page
        ),
        effect=_page_veto(vetoed=True),
        rare=True,
    ),
    Action.ON_PAGE: Declaration(
        Sentence("Allow on the public page"),
        lambda note, settings, at: (
            _for_page(note, settings) and PageVeto.MODERATOR in note.off_page
        ),
        effect=_page_veto(vetoed=False),
        rare=True,
    ),
}


def actions_on(
    note: Note, settings: GuildSettings, at: datetime
) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
    """The actions on a card at the time `at`: those with buttons, and those in its menu."""
    fitting = [
        action for action, declared in ACTIONS.items() if declared.offered(note, settings, at)
    ]
    common = [action for action in fitting if not ACTIONS[action].rare]
    rare = [action for action in fitting if ACTIONS[action].rare]
    if len(rare) == 1 and len(common) < BUTTONS:
        return tuple(fitting), ()
    return tuple(common[:BUTTONS]), (*common[BUTTONS:], *rare)


def act(core: Core, note: Note, click: Click) -> Iterator[tuple[Outcome, int] | None]:
    """Carry out a moderator's click, in slices.

    The last value is the outcome with the number of approvals that the note needs; None if the note
    is gone. A revision that goes live is embedded first.
    """
    declared = ACTIONS[click.action]
    if declared.effect is None:
        raise ValueError(f"{click.action} is no change of a note.")
    yield from embed_revision_ahead(core, note.guild_id, declared.publishes(core, note))
    outcome = declared.effect(core, note, click)
    yield None if outcome is None else (outcome, quorum(core, outcome.note))


def edit_and_approve(
    core: Core,
    note: Note,
    moderator: Member,
    submission: Submission,
    interaction_id: int,
    *,
    corrects: bool = False,
) -> Iterator[tuple[Outcome, int] | None]:
    """Approve a revision as edited by a moderator; with `corrects`, a live one. See `act`."""
    decisions, guild_id = core.store.decisions, note.guild_id
    yield from embed_ahead(core, guild_id, submission)
    edit = decisions.correct if corrects else decisions.edit_and_approve
    change = partial(edit, guild_id, note.revision.id, moderator, submission)
    outcome = once_per_interaction(core, guild_id, interaction_id, change)
    yield None if outcome is None else (outcome, quorum(core, outcome.note))


def confirmation(note: Note, action: Action, quorum: int = 1) -> str:
    """Tell a moderator that an action was carried out on a note."""
    title = plain(note.revision.submission.safe.title)
    if note.revision.state is State.PENDING and action in {Action.APPROVE, Action.EDIT}:
        return speak(
            "I've counted your approval of “{title}”. {status}",
            title=title,
            status=status_line(note, quorum),
        )
    if action in {Action.OFF_PAGE, Action.ON_PAGE}:
        line = page_line(note)
        kept_off = speak(
            "“{title}”: {line} If it was public, it'll be gone within a minute.",
            title=title,
            line=line,
        )
        return kept_off if note.off_page else f"“{title}”: {line}"
    says = ACTIONS[action].says
    name = plain(shorten(note.contributor, 40))
    return says(title=title, name=name) if says else status_line(note)

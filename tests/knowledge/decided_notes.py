"""Proposed and decided notes, for tests of contributions and decisions."""

from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import (
    Decision,
    Member,
    Note,
    Outcome,
)
from knowledge.values.submissions import Submission

GUILD, ELSEWHERE = 10, 11


MIRA, ADA, BEN = Member(1, "Mira"), Member(2, "Ada"), Member(3, "Ben")


FIRST = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",), "https://a.org/")


SECOND = Submission("GPU hours", "The club has 60 GPU hours a month.", ("gpu",))


# Decisions on a pending revision.
RULINGS = [
    Decision.APPROVE,
    Decision.REQUEST_CHANGES,
    Decision.REJECT,
    Decision.DUPLICATE,
]
APPROVE, REJECT = Ruling(Decision.APPROVE), Ruling(Decision.REJECT, "Out of date.")


def proposed(store: Store, submission: Submission = FIRST, **options: object) -> Note:
    return store.contributions.propose(GUILD, MIRA, 77, submission, **options).note  # type: ignore[arg-type]


def decided(store: Store, note: Note, ruling: Ruling = APPROVE, by: Member = ADA) -> Outcome:
    outcome = store.decisions.decide(note.guild_id, note.revision.id, by, ruling)
    assert outcome is not None
    return outcome


def live_text(store: Store, note: Note) -> str | None:
    live = store.notes.live(note.id)
    return live.revision.submission.text if live else None


def events(store: Store) -> list[str]:
    return [entry.event for entry in store.audit_log.entries()]


def revised(store: Store, note: Note, submission: Submission) -> Note:
    outcome = store.contributions.revise(GUILD, note.id, MIRA, submission)
    assert outcome is not None
    assert outcome.done
    return outcome.note

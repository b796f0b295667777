"""Proposed and decided notes, and recorded questions, for tests of the store."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member, Note, Outcome
from knowledge.values.questions import Evidence, Question, RecordedHit
from knowledge.values.submissions import Submission

T = TypeVar("T")

GUILD, ELSEWHERE = 10, 11
AT = datetime(2026, 1, 1, tzinfo=UTC)
# Long ids can be looked for in a whole file.
MIRA, ADA, BEN = Member(111222333, "Mira"), Member(444555666, "Ada"), Member(3, "Ben")
FIRST = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",), "https://a.org/")
SECOND = Submission("GPU hours", "The club has 60 GPU hours a month.", ("gpu",))

# Decisions on a pending revision.
RULINGS = [Decision.APPROVE, Decision.REQUEST_CHANGES, Decision.REJECT, Decision.DUPLICATE]
APPROVE, REJECT = Ruling(Decision.APPROVE), Ruling(Decision.REJECT, "Out of date.")


def some(value: T | None) -> T:
    """The value, which must not be None."""
    assert value is not None
    return value


def proposed(
    store: Store,
    submission: Submission = FIRST,
    *,
    by: Member = MIRA,
    guild_id: int = GUILD,
    **options: Any,
) -> Note:
    return store.contributions.propose(guild_id, by, 77, submission, **options).note


def live_note(store: Store, by: Member = MIRA) -> Note:
    return decided(store, proposed(store, by=by)).note


def decided(store: Store, note: Note, ruling: Ruling = APPROVE, by: Member = ADA) -> Outcome:
    return some(store.decisions.decide(note.guild_id, note.revision.id, by, ruling))


def live_text(store: Store, note: Note) -> str | None:
    live = store.notes.live(note.id)
    return live.revision.submission.text if live else None


def events(store: Store) -> list[str]:
    return [entry.event for entry in store.audit_log.entries()]


def revised(store: Store, note: Note, submission: Submission) -> Note:
    outcome = some(store.contributions.revise(GUILD, note.id, MIRA, submission))
    assert outcome.done
    return outcome.note


def asked(
    store: Store,
    text: str = "Where is it?",
    evidence: Evidence = Evidence.NONE,
    *quoted: str,
    by: int = BEN.id,
    guild_id: int | None = GUILD,
) -> int:
    """Record a question whose answer quotes these documents, the best one first."""
    hits = [RecordedHit(one, "T", "", "Text.", 1.0 - i / 10, ()) for i, one in enumerate(quoted)]
    question = Question(0, guild_id, 5, by, text, evidence, AT, 1, hits)
    return store.question_records.record([question])[0]

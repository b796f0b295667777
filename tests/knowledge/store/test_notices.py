"""The outbox of notices."""

from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import (
    Decision,
    Member,
    Note,
    Outcome,
)
from knowledge.values.submissions import Submission
from tests.stores import Place

GUILD, ELSEWHERE = 10, 11

MIRA, ADA, BEN = Member(1, "Mira"), Member(2, "Ada"), Member(3, "Ben")

FIRST = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",), "https://a.org/")

APPROVE, REJECT = Ruling(Decision.APPROVE), Ruling(Decision.REJECT, "Out of date.")


def proposed(store: Store, submission: Submission = FIRST, **options: object) -> Note:
    return store.contributions.propose(GUILD, MIRA, 77, submission, **options).note  # type: ignore[arg-type]


def decided(store: Store, note: Note, ruling: Ruling = APPROVE, by: Member = ADA) -> Outcome:
    outcome = store.decisions.decide(note.guild_id, note.revision.id, by, ruling)
    assert outcome is not None
    return outcome


def test_a_notice_waits_until_it_was_sent(place: Place, store: Store) -> None:
    decided(store, proposed(store))
    with place.store() as reopened:
        [notice] = reopened.notices.unsent()
        assert (notice.member_id, notice.channel_id, notice.revision_id) == (MIRA.id, 77, 1)
        reopened.notices.sent(notice.id)
    assert store.notices.unsent() == []

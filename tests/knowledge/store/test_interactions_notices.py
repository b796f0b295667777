"""The outbox of notices."""

from knowledge.store.store import Store
from tests.knowledge.decided_notes import MIRA, decided, proposed
from tests.stores import Place


def test_a_notice_waits_until_it_was_sent(place: Place, store: Store) -> None:
    decided(store, proposed(store))
    with place.store() as reopened:
        [notice] = reopened.notices.unsent()
        assert (notice.member_id, notice.channel_id, notice.revision_id) == (MIRA.id, 77, 1)
        reopened.notices.mark_sent(notice.id)
    assert store.notices.unsent() == []

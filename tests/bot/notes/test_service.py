"""A note's visibility, withdrawal and pages, for its contributor, moderators and other members."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.notes import service
from bot.notes.messages import PAGE_NOTES, Filter, page_of_own_notes
from bot.notes.service import Viewer
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member, Note, Obstacle, State
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.postgres import Cluster
from tests.postgres_cuts import Cut, CuttingSocket, cutting_socket

GUILD, OTHER_GUILD = 10, 11


MIRA, MODERATOR = Member(1, "Mira"), Member(2, "Max")


INSIDERS = (Viewer(MIRA.id), Viewer(9, is_moderator=True))


OTHER = Viewer(3)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as opened:
        yield opened


def propose(core: Core, title: str = "Meetup", decision: Decision | None = None) -> Note:
    contributions = core.store.contributions
    note = contributions.propose(GUILD, MIRA, 5, Submission(title, "In Lisbon.")).note
    if decision is not None:
        decide(core, note.revision.id, decision)
    return note


def revise(core: Core, text: str = "In Porto.", decision: Decision | None = None) -> None:
    outcome = core.store.contributions.revise(GUILD, 1, MIRA, Submission("Meetup", text))
    assert outcome is not None
    if decision is not None:
        decide(core, outcome.note.revision.id, decision)


def decide(core: Core, revision_id: int, decision: Decision) -> None:
    core.store.decisions.decide(GUILD, revision_id, MODERATOR, Ruling(decision, "No."))


def seen(core: Core, viewer: Viewer, guild_id: int = GUILD) -> tuple[int | None, int | None] | None:
    """The ids of the live and of the latest revision that a viewer may see."""
    found = service.visible_note(core, guild_id, 1, viewer)
    if found is None:
        return None
    return _id(found.live), _id(found.latest)


def _id(note: Note | None) -> int | None:
    return note.revision.id if note is not None else None


@pytest.mark.parametrize("decision", [None, Decision.REJECT, Decision.REQUEST_CHANGES])
def test_unpublished_notes_stay_private(core: Core, decision: Decision | None) -> None:
    propose(core, decision=decision)
    assert [seen(core, viewer) for viewer in INSIDERS] == [(None, 1)] * 2
    assert seen(core, OTHER) is None
    assert service.visible_history(core, GUILD, 1, OTHER) == []


def test_others_see_approved_revisions(core: Core) -> None:
    propose(core, decision=Decision.APPROVE)
    assert seen(core, OTHER) == (1, None)
    revise(core, decision=Decision.APPROVE)
    revise(core, "In Faro.", Decision.REJECT)
    revise(core, "In Braga.")

    assert [seen(core, viewer) for viewer in INSIDERS] == [(2, 4)] * 2
    assert seen(core, OTHER) == (2, None)
    for viewer, expected in (*((one, [1, 2, 3, 4]) for one in INSIDERS), (OTHER, [1, 2])):
        history = service.visible_history(core, GUILD, 1, viewer)
        assert [note.revision.id for note in history] == expected


def test_nothing_is_visible_from_another_server(core: Core) -> None:
    propose(core, decision=Decision.APPROVE)
    for viewer in (*INSIDERS, OTHER):
        assert seen(core, viewer, OTHER_GUILD) is None
        assert service.visible_history(core, OTHER_GUILD, 1, viewer) == []
    assert service.own_notes(core, OTHER_GUILD, MIRA.id) == []
    assert service.withdrawable(core, OTHER_GUILD, 1, MIRA.id) is None
    assert service.live_note(core, OTHER_GUILD, 1) == []


def test_a_withdrawal_affects_the_confirmed_revision(core: Core) -> None:
    propose(core)

    def to_withdraw(member_id: int = MIRA.id) -> int | None:
        return _id(service.withdrawable(core, GUILD, 1, member_id))

    assert (to_withdraw(), to_withdraw(OTHER.id)) == (1, None)
    decide(core, 1, Decision.APPROVE)
    revise(core)
    assert to_withdraw() == 2
    assert service.withdraw(core, GUILD, 2, OTHER.id) is None
    stale = service.withdraw(core, GUILD, 1, MIRA.id)
    assert stale is not None
    assert stale.obstacle is Obstacle.DECIDED

    done = service.withdraw(core, GUILD, 2, MIRA.id)
    assert done is not None
    assert done.done
    assert (done.note.revision.state, done.note.live_revision_id) == (State.WITHDRAWN, 1)
    assert to_withdraw() == 1


# Pages of own notes.


def _title(note: Note) -> str:
    return f"**{note.revision.submission.title}**"


def test_own_notes_are_filtered_by_state_and_paged(core: Core) -> None:
    assert page_of_own_notes([], Filter.ALL, 0, with_cards=False).content.startswith(
        "You haven't proposed"
    )
    titles: dict[str, Decision | None] = {
        Filter.LIVE: Decision.APPROVE,
        Filter.REJECTED: Decision.REJECT,
        "Changes": Decision.REQUEST_CHANGES,
        Filter.PENDING: None,
    }
    for title, decision in titles.items():
        propose(core, title, decision)
    propose(core, Filter.WITHDRAWN)
    core.store.contributions.withdraw(GUILD, 5, MIRA.id)
    propose(core, Filter.RETIRED, Decision.APPROVE)
    core.store.decisions.retire(GUILD, 6, MODERATOR, "Old.")
    notes = service.own_notes(core, GUILD, MIRA.id)

    for wanted in set(Filter) - {Filter.ALL}:
        page = page_of_own_notes(notes, wanted, 0, with_cards=False)
        title = "Changes" if wanted is Filter.CHANGES_REQUESTED else wanted
        assert [
            one.revision.submission.title for one, _ in notes if _title(one) in page.content
        ] == [title]
    first, last = (
        page_of_own_notes(notes, Filter.ALL, number, with_cards=False) for number in (0, 9)
    )
    assert "6 notes · page 1 of 2" in first.content
    assert (first.count, last.number) == (2, 1)
    assert first.content.count("\n-# ") == PAGE_NOTES
    assert last.content.index("rejected") < last.content.index("live")
    nothing = page_of_own_notes(notes[:1], Filter.PENDING, 0, with_cards=False)
    assert nothing.content.startswith("None of your notes")


@pytest.fixture
def cutting(postgres: Cluster) -> Iterator[CuttingSocket]:
    with cutting_socket(postgres.folder, by_port=True) as made:
        yield made


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.UNHEARD, Cut.LATE])
def test_it_is_made_once_and_told_of(
    postgres_url: str, cutting: CuttingSocket, tmp_path: Path, cut: Cut
) -> None:
    data = DataSettings(folder=tmp_path, database=cutting.url_of(postgres_url))
    with Core(Settings(data=data), WordEmbedder(64)) as core:
        note = core.store.contributions.propose(GUILD, MIRA, 5, Submission("A", "Text.")).note
        cutting.cut(cut)
        outcome = service.withdraw(core, GUILD, note.revision.id, MIRA.id, 77)
        assert cutting.done == 1
        assert outcome is not None
        assert outcome.done
        assert outcome.note.revision.state is State.WITHDRAWN
        events = [line.event for line in core.store.audit_log.entries()]
        assert events == ["proposed", "withdrawn"]

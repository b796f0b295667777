"""Documents near to a proposed note, by a word embedder: shared words make texts near."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.review import service as review_service
from bot.review.similar_notes import Closeness, SimilarDocument, SimilarNotes
from indexer.ingest.pipeline import index_document
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import SHARED, Document, Kind, Scope
from knowledge.values.notes import Decision, Member, Note
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

GUILD, OTHER = 10, 11
MEMBER, MODERATOR = Member(1, "Mia"), Member(2, "Max")
MEETUP = Submission(
    "Lisbon meetup", "The community meetup in Lisbon is every Friday at Rua Augusta for 25 people."
)
LIKE = Submission(
    "Meetup in Lisbon", "Every Friday the community meetup is in Lisbon, for 40 people."
)
UNLIKE = Submission("Backups", "Copy the database at night to another disk and check it.")


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def core(tmp_path: Path, embedder: WordEmbedder) -> Iterator[Core]:
    with Core(Settings(data=DataSettings(folder=tmp_path)), embedder) as opened:
        yield opened


def _propose(core: Core, submission: Submission, guild_id: int = GUILD) -> Note:
    return review_service.update_index(
        core, core.store.contributions.propose(guild_id, MEMBER, 5, submission)
    ).note


def _publish(core: Core, submission: Submission, guild_id: int = GUILD) -> Note:
    note = _propose(core, submission, guild_id)
    outcome = review_service.decide(
        core, guild_id, note.revision.id, MODERATOR, Ruling(Decision.APPROVE)
    )
    assert outcome is not None
    assert outcome.done
    return outcome.note


def _near(
    core: Core, submission: Submission = LIKE, own: int | None = None
) -> list[SimilarDocument]:
    return core.part(SimilarNotes).documents(GUILD, submission, own)


def test_a_live_note_on_the_subject_is_close(core: Core) -> None:
    assert _near(core) == []
    note = _publish(core, MEETUP)
    _publish(core, UNLIKE)
    [near] = _near(core)
    assert (near.document_id, near.kind, near.title) == (f"note:{note.id}", Kind.NOTE, MEETUP.title)
    assert near.closeness is Closeness.CLOSE
    assert not near.pending
    assert 0.65 <= near.cosine < 1


def test_a_pending_note_is_linked_by_card(core: Core) -> None:
    note = _propose(core, MEETUP)
    core.store.review_cards.record_message(note.revision.id, 7, 8)
    [near] = _near(core)
    assert near.pending
    assert near.revision_id == note.revision.id
    assert near.link == f"https://discord.com/channels/{GUILD}/7/8"


def test_a_word_changed_is_the_same_text(core: Core) -> None:
    _publish(core, MEETUP)
    again = Submission("Where we meet", MEETUP.text.replace("Friday", "Monday"))
    [near] = _near(core, again)
    assert near.closeness is Closeness.SAME
    [found] = near.contradictions
    assert [found.left.text[start:end] for start, end in found.left.differing] == ["Monday"]
    assert [found.right.text[start:end] for start, end in found.right.differing] == ["Friday"]


def test_part_of_a_longer_document_is_the_same(core: Core) -> None:
    document = Document(
        "article:x",
        SHARED,
        Kind.ARTICLE,
        "Meetups",
        f"# Lisbon\n\n{MEETUP.text}",
        "https://own.org/",
    )
    index_document(core.index, core.embedder, document)
    [near] = _near(core, MEETUP)
    assert core.part(SimilarNotes).original(_propose(core, LIKE), "MEETUPS") == "Meetups"
    assert (near.document_id, near.closeness) == ("article:x", Closeness.SAME)
    assert near.link == "https://own.org/"


def test_documents_of_other_guilds_are_never_found(core: Core) -> None:
    _publish(core, MEETUP, OTHER)
    _propose(core, MEETUP, OTHER)
    index_document(
        core.index, core.embedder, Document("file:x", Scope(OTHER), Kind.FILE, "M", MEETUP.text)
    )
    assert _near(core) == []


def test_a_note_is_no_neighbour_of_itself(core: Core) -> None:
    note = _publish(core, MEETUP)
    review_service.update_index(core, core.store.contributions.revise(GUILD, note.id, MEMBER, LIKE))
    assert _near(core, LIKE, own=note.id) == []
    assert {near.document_id for near in _near(core, LIKE)} == {f"note:{note.id}"}


def test_the_nearest_three_are_found(core: Core) -> None:
    for number in range(5):
        extra = " and more" * number
        _propose(core, Submission(f"Lisbon meetup {number}", MEETUP.text + extra))
    near = _near(core, MEETUP)
    assert len(near) == 3
    assert [one.cosine for one in near] == sorted((one.cosine for one in near), reverse=True)


def test_a_pending_note_is_embedded_once(core: Core, embedder: WordEmbedder) -> None:
    _propose(core, MEETUP)
    _near(core)
    embedder.calls.clear()
    _near(core)
    assert not [text for text in embedder.texts if MEETUP.text in text or LIKE.text in text]


def test_live_and_pending_revisions_are_both_found(core: Core) -> None:
    note = _publish(core, MEETUP)
    revised = Submission(MEETUP.title, MEETUP.text + " Bring friends.")
    review_service.update_index(
        core, core.store.contributions.revise(GUILD, note.id, MEMBER, revised)
    )
    assert [near.pending for near in _near(core, MEETUP)] == [False, True]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("Lisbon meetup", MEETUP.title),
        (" lisbon  MEETUP ", MEETUP.title),
        ("1", MEETUP.title),
        ("#1", MEETUP.title),
        ("https://a.example", "https://a.example"),
        ("nothing of that name", ""),
        ("99", ""),
        # The note itself is no original.
        ("3", ""),
        (UNLIKE.title, ""),
        ("", ""),
    ],
)
def test_a_duplicates_original_is_found(core: Core, typed: str, title: str) -> None:
    _publish(core, MEETUP)
    _publish(core, UNLIKE, OTHER)
    note = _propose(core, UNLIKE)
    assert core.part(SimilarNotes).original(note, typed) == title

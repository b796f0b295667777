"""Decisions that the index can't follow at once: they stay, and the index follows later."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.privacy import service as privacy_service
from bot.review import service as review_service
from indexer.index.database import IndexWriteError
from knowledge.store.database import OutcomeUnknownError
from knowledge.store.interactions import HandledInteractions
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import Kind
from knowledge.values.notes import Decision, Member, Outcome
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.postgres import Cluster
from tests.postgres_cuts import Cut, cutting_socket

GUILD = 10
MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")
NOTE = Submission("Meetup", "The quokka meetup takes place in Lisbon on Fridays.")
QUESTION = "where does the quokka meetup take place"
CLICK = 77


class Embedder(WordEmbedder):
    """An embedder with a side effect."""

    def __init__(self) -> None:
        super().__init__(512)
        self.meanwhile: Callable[[], object] | None = None

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        found = super().embed_passages(texts)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return found


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with Core(Settings(data=DataSettings(folder=tmp_path / "data")), WordEmbedder(512)) as opened:
        yield opened


def _proposed(core: Core) -> int:
    return core.store.contributions.propose(GUILD, MIRA, 5, NOTE).note.revision.id


def _approved(core: Core, revision_id: int) -> Outcome:
    outcome = review_service.decide(
        core, GUILD, revision_id, ADA, Ruling(Decision.APPROVE), asked_in=CLICK
    )
    assert outcome is not None
    return outcome


def _answers(core: Core) -> bool:
    [reply] = core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])
    outcome = reply.outcome
    return isinstance(outcome, Answer) and outcome.quotes[0].citation.kind is Kind.NOTE


def _refuse_writing(core: Core, *, refused: bool) -> None:
    """Make the index fail as if its disk were full."""
    [[pages]] = core.index.tables.db.rows("pragma page_count")
    core.index.tables.db.rows(f"pragma max_page_count = {pages if refused else 1_000_000}")


def _long(core: Core) -> int:
    """A revision that doesn't fit on a full disk."""
    long = Submission(NOTE.title, NOTE.text + " And more." * 390)
    return core.store.contributions.propose(GUILD, MIRA, 5, long).note.revision.id


def test_unwritten_decisions_are_told(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    revision_id = _long(core)
    _refuse_writing(core, refused=True)
    with caplog.at_level(logging.ERROR):
        outcome = _approved(core, revision_id)
    assert outcome.done
    assert outcome.note.live
    assert "Note 1 is not followed by the index yet" in caplog.text
    assert core.problems() == ("The index is not up to date yet for 1 note.",)
    with pytest.raises(IndexWriteError):
        list(index_updates.update_unindexed_notes(core))
    _refuse_writing(core, refused=False)
    list(index_updates.update_unindexed_notes(core))
    assert _answers(core)
    assert core.problems() == ()


def test_forgotten_notes_leave_despite_failed_writes(core: Core) -> None:
    for _ in range(3):
        _approved(core, _proposed(core))
    forgotten = privacy_service.forget(core, MIRA.id, withdraw=True)
    core.index.tables.db.rows("pragma query_only = on")
    with pytest.raises(IndexWriteError):
        list(privacy_service.update_index(core, forgotten))
    core.index.tables.db.rows("pragma query_only = off")
    list(index_updates.update_unindexed_notes(core))
    assert core.counts(GUILD)["documents"] == 0
    assert not core.unindexed_notes


def test_another_processs_retirement_leaves_the_index(tmp_path: Path) -> None:
    settings = Settings(data=DataSettings(folder=tmp_path / "data"))
    slow = Embedder()
    with Core(settings, slow) as core, Core(settings, WordEmbedder(512)) as other:
        revision_id = _proposed(core)

        def retire() -> None:
            retired = other.store.decisions.retire(GUILD, 1, ADA)
            assert retired is not None
            review_service.update_index(other, retired)

        slow.meanwhile = retire
        _approved(core, revision_id)
        assert core.store.notes.live(1) is None
        assert core.index.tables.document_passages("note:1") == []
        assert not _answers(core)


def test_a_retired_note_is_not_indexed(core: Core) -> None:
    for _ in range(40):
        outcome = core.store.decisions.decide(GUILD, _proposed(core), ADA, Ruling(Decision.APPROVE))
        assert outcome is not None
    steps = index_updates.update_notes_and_articles(core)
    while not core.index.tables.document_passages("note:1"):
        next(steps)
    assert core.index.tables.document_passages("note:40") == []
    review_service.update_index(core, core.store.decisions.retire(GUILD, 40, ADA))
    run_to_end(steps)
    assert core.index.tables.document_passages("note:40") == []
    assert core.index.tables.document_passages("note:39") != []


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_unknown_commits_are_followed(postgres: Cluster, tmp_path: Path, cut: Cut) -> None:
    url = postgres.empty()
    with ExitStack() as opened:
        cutting = opened.enter_context(cutting_socket(postgres.folder))
        between = url.replace(str(postgres.folder), str(cutting.folder))
        settings = Settings(data=DataSettings(folder=tmp_path / "data", database=between))
        core = opened.enter_context(Core(settings, WordEmbedder(512)))
        core.store.handled = HandledInteractions(core.store.database, pauses=[])
        revision_id = _proposed(core)
        cutting.cut(cut)
        with pytest.raises(OutcomeUnknownError):
            _approved(core, revision_id)
        list(index_updates.update_unindexed_notes(core))
        assert _answers(core) is (cut is Cut.AFTER)
        # The same click, delivered again, finds the note as it is.
        assert _approved(core, revision_id).done
        assert _answers(core)
        events = [entry.event for entry in core.store.audit_log.entries(GUILD)]
        assert events == ["proposed", "approved"]
    postgres.drop(url)

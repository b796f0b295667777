"""The core on a real data folder with the word embedder."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.answers.ask import Ask
from bot.answers.lookup import Stage
from bot.answers.outcome import Answer, Refusal
from bot.answers.quotations import citation_line
from bot.ask.explanation import why
from bot.config.settings import DataSettings, IndexSettings, ModelSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.models.serving_model import Served, read_pointer
from bot.process.client import start_worker
from bot.review import service as review_service
from bot.review.actions import ACTIONS, Action
from bot.review.impact import ImpactPreview
from bot.review.similar_notes import Closeness, SimilarNotes
from bot.storage.data_folder import COMMUNITY, data_folder
from bot.storage.derived_data import INDEX
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord
from indexer.index.database import StaleIndexError
from indexer.ingest.pipeline import SLICE_TEXTS, index_document
from knowledge.sources.addition import add_paths
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import ARTICLES, SHARED, Document, Kind, Scope
from knowledge.values.guilds import Rule
from knowledge.values.notes import Decision, Member, Outcome
from knowledge.values.questions import Feedback, Verdict
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.knowledge import exporting
from tests.refused import refused_questions

GUILD = 10
MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")
NOTE = Submission("Meetup", "The quokka meetup takes place in Lisbon on Fridays.")
QUESTION = "where does the quokka meetup take place"
Opener = Callable[..., Core]
pytestmark = pytest.mark.usefixtures("one_article")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def opened(folder: Path) -> Iterator[Opener]:
    """Opens cores on one folder, and closes them after the test."""
    cores: list[Core] = []

    def open_core(model: str = "words", *, rebuild: bool = False) -> Core:
        settings = Settings(data=DataSettings(folder=folder))
        cores.append(Core(settings, WordEmbedder(512, model=model), rebuild=rebuild))
        return cores[-1]

    yield open_core
    for core in cores:
        core.close()


def _proposed(core: Core, guild_id: int = GUILD, submission: Submission = NOTE) -> int:
    return review_service.update_index(
        core, core.store.contributions.propose(guild_id, MIRA, 5, submission)
    ).note.revision.id


def _decide(
    core: Core, revision_id: int, decision: Decision = Decision.APPROVE, guild_id: int = GUILD
) -> Outcome | None:
    return review_service.decide(core, guild_id, revision_id, ADA, Ruling(decision))


def test_another_backends_index_is_rebuilt(opened: Opener) -> None:
    core = opened("model torch")
    _decide(core, _proposed(core))
    core.close()
    other = opened("model fast", rebuild=True)
    run_to_end(index_updates.update_quickly(other))
    assert isinstance(other.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome, Answer)


def test_another_models_index_is_refused(opened: Opener, folder: Path) -> None:
    core = opened()
    _decide(core, _proposed(core))
    core.close()
    with pytest.raises(StaleIndexError, match="commonplace index"):
        opened("other")
    assert opened().answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome != Refusal()


def test_another_model_serves_from_a_new_index(opened: Opener, folder: Path) -> None:
    core = opened()
    _decide(core, _proposed(core))
    core.close()
    rebuilt = opened("other", rebuild=True)
    run_to_end(index_updates.update(rebuilt))
    index_updates.complete_update(rebuilt)
    assert len(list(folder.glob("index*"))) == 2
    pointer = read_pointer(folder)
    assert pointer is not None
    assert (pointer.serving.model.vectors, pointer.serving.index) == ("other", rebuilt.served.index)
    assert pointer.previous == Served(ModelRecord(DEFAULT_MODEL, vectors="words"), INDEX)
    assert isinstance(
        opened("other").answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome, Answer
    )


async def test_another_models_index_answers_notes(opened: Opener, folder: Path) -> None:
    core = opened()
    _decide(core, _proposed(core))
    core.close()
    settings = Settings(data=DataSettings(folder=folder))
    worker = start_worker(settings, WordEmbedder(512, model="other"))
    await worker.run_slices(index_updates.update_notes_and_articles)
    ask = Ask(QUESTION, 1, GUILD)
    [reply] = await worker.call(lambda bot: bot.answer_pipeline.ask([ask]))
    await worker.stop()
    assert isinstance(reply.outcome, Answer)


def test_an_abandoned_rebuild_is_replaced(opened: Opener, folder: Path) -> None:
    core = opened()
    core.close()
    opened("second", rebuild=True).close()
    core = opened("third", rebuild=True)
    run_to_end(index_updates.update_quickly(core))
    index_updates.complete_update(core)
    assert opened("third").index.tables.counts([ARTICLES])["documents"] == 1


def test_a_note_answers_once_it_is_approved(opened: Opener) -> None:
    core = opened()
    revision = _proposed(core)
    assert core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome == Refusal()
    _decide(core, revision)
    [reply] = core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])
    assert isinstance(reply.outcome, Answer)
    assert reply.outcome.quotes[0].text == NOTE.text
    assert reply.outcome.quotes[0].citation.contributor == "Mira"


def test_a_rejected_note_is_never_answered_from(opened: Opener) -> None:
    core = opened()
    _decide(core, _proposed(core), Decision.REJECT)
    run_to_end(index_updates.update(core))
    [reply] = core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])
    assert reply.hits
    assert all(hit.passage.kind is not Kind.NOTE for hit in reply.hits)


def test_deciding_on_nothing_publishes_nothing(opened: Opener) -> None:
    core = opened()
    assert _decide(core, 99) is None
    assert core.counts(GUILD)["documents"] == 0


def test_an_approval_before_a_crash_is_indexed_later(opened: Opener) -> None:
    core = opened()
    # The first half of `decide`, then a crash.
    core.store.decisions.decide(GUILD, _proposed(core), ADA, Ruling(Decision.APPROVE))
    core.close()
    core = opened()
    run_to_end(index_updates.update_quickly(core))
    assert isinstance(core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome, Answer)


def test_a_full_disk_while_publishing_keeps_the_decision(opened: Opener) -> None:
    core = opened()
    long = Submission(NOTE.title, NOTE.text + " And more." * 390)
    revision = _proposed(core, submission=long)
    [[pages]] = core.index.tables.db.rows("pragma page_count")
    core.index.tables.db.rows(f"pragma max_page_count = {pages}")
    outcome = _decide(core, revision)
    assert outcome is not None
    assert outcome.done
    core.close()
    core = opened()
    run_to_end(index_updates.update_quickly(core))
    assert [passage.text for passage in core.index.tables.document_passages("note:1")] != []
    assert [note.revision.submission for note in core.store.notes.every_live()] == [long]


def test_only_follow_indexes_changed_files(opened: Opener, tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text("The wombat sleeps.")
    core = opened()
    add_paths(core.store, [path])
    run_to_end(index_updates.update(core))
    path.write_text("The wombat wakes.")
    report = run_to_end(index_updates.update_quickly(core))
    assert (report.changed, report.removed) == ([], [])
    assert core.search("wombat", None, 1)[0].passage.text == "The wombat sleeps."
    report = run_to_end(index_updates.update_files(core))
    assert (report.changed, report.unchanged) == ([f"file:{path}"], 0)
    assert core.search("wombat", None, 1)[0].passage.text == "The wombat wakes."


def test_a_command_follows_in_the_bots_place(opened: Opener, tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text("The wombat sleeps.")
    command, bot = opened(), opened()
    run_to_end(index_updates.update(command))
    add_paths(command.store, [path])
    steps = index_updates.update(command)
    while not next(steps).total:
        pass
    assert run_to_end(index_updates.update_files(bot)).added == []
    run_to_end(steps)
    assert bot.search("wombat", None, 1)[0].passage.text == "The wombat sleeps."


def test_each_source_reports_gains_and_failures(opened: Opener, tmp_path: Path) -> None:
    folder = tmp_path / "guides"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.md").write_text("One.")
    (folder / "deep" / "b.md").write_bytes(b"\x00")
    core = opened()
    add_paths(core.store, [folder, folder / "deep"])
    before, _ = core.source_states()
    assert (before.files, before.documents, before.read_at) == (0, 0, None)
    run_to_end(index_updates.update(core))
    first, second = core.source_states()
    assert (first.location, first.files, first.documents) == (str(folder), 1, 1)
    assert first.read_at is not None
    assert first.failures == ()
    assert (second.location, second.files, second.documents) == (str(folder / "deep"), 1, 0)
    assert [failure.source for failure in second.failures] == [str(folder / "deep" / "b.md")]


def test_each_source_counts_documents_without_text_of_their_own(
    opened: Opener, tmp_path: Path
) -> None:
    contents = "\n".join(f"- [Part {number}](part-{number}.md)" for number in range(9))
    for folder, text in (("a", "The wombat sleeps in a burrow all day."), ("b", "")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "index.md").write_text(f"# Guide\n\n{contents}\n")
        (tmp_path / folder / "wombats.md").write_text(f"# Wombats\n\n{text}\n")
    core = opened()
    add_paths(core.store, [tmp_path / "a", tmp_path / "b"])
    run_to_end(index_updates.update(core))
    states = core.source_states()
    assert [(state.documents, state.without_text) for state in states] == [(2, 1), (2, 2)]


def test_missing_sources_stay_until_removed(opened: Opener, tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text("The wombat sleeps.")
    core = opened()
    add_paths(core.store, [path])
    run_to_end(index_updates.update(core))
    path.unlink()
    assert len(run_to_end(index_updates.update(core)).failed) == 1
    [state] = core.source_states()
    assert state.documents == 1
    assert state.failures[0].reason.startswith("is not there.")
    core.remove_source(str(path))
    assert run_to_end(index_updates.update(core)).removed == [f"file:{path}"]
    assert core.source_states() == []


def test_a_plan_changes_nothing(opened: Opener, tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text("The wombat sleeps.")
    core = opened()
    plan = core.plan([path])
    assert [found.path for found in plan.stale] == [path]
    assert core.locations() == []
    assert core.index.tables.files() == {}


def test_a_second_core_reads_the_firsts_index(opened: Opener) -> None:
    writer, reader = opened(), opened()
    _decide(writer, _proposed(writer))
    assert isinstance(reader.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome, Answer)


def test_another_guilds_document_is_unreadable(opened: Opener) -> None:
    core = opened()
    note = _decide(core, _proposed(core))
    assert note is not None
    document = f"note:{note.note.id}"
    assert core.document(document, [SHARED, Scope(11)]) == []
    assert [passage.text for passage in core.document(document, [Scope(GUILD)])] == [NOTE.text]


def test_cards_that_were_never_posted_are_remembered(opened: Opener) -> None:
    core = opened()
    posted, unposted = _proposed(core), _proposed(core)
    for note, due in core.store.review_cards.due():
        if note.revision.id == posted:
            core.store.review_cards.record_message(posted, 1, 2)
            core.store.review_cards.mark_shown(posted, due)
    assert [note.revision.id for note, _ in core.store.review_cards.due()] == [unposted]


def test_an_overdue_note_yields_to_others(opened: Opener) -> None:
    core = opened()
    core.store.guilds.save_rule(GUILD, Rule("", review_after_days=30), 9)
    # A passage that two documents share is quoted once.
    older = replace(NOTE, text=f"{NOTE.text} Ask there.")
    old, new = _proposed(core, submission=older), _proposed(core)
    _decide(core, old)
    _decide(core, new)
    core.store.database.run(
        "update notes set review_at = '2026-01-01T00:00:00+00:00' where live_revision_id = ?", [old]
    )
    # The answer is remembered; the passing of a date must not be hidden by that.
    core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])
    review_service.reminders(core, datetime.now(UTC))
    outcome = core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome
    assert isinstance(outcome, Answer)
    first, second = outcome.quotes
    assert (first.citation.document_id, first.citation.due) == ("note:2", False)
    assert (second.citation.document_id, second.citation.due) == ("note:1", True)
    assert "due for review" in citation_line(second.citation)
    review_service.update_index(core, core.store.decisions.keep(GUILD, 1, ADA))
    outcome = core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome
    assert isinstance(outcome, Answer)
    assert not any(quote.citation.due for quote in outcome.quotes)


def test_a_deleted_index_is_rebuilt_with_notes(opened: Opener, folder: Path) -> None:
    core = opened()
    _decide(core, _proposed(core))
    core.close()
    for path in (folder / INDEX).iterdir():
        path.unlink()
    core = opened()
    run_to_end(index_updates.update_quickly(core))
    assert isinstance(core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])[0].outcome, Answer)


def test_a_store_that_fails_to_open_leaves_nothing_open(opened: Opener, folder: Path) -> None:
    (data_folder(folder) / COMMUNITY).write_bytes(b"not a database " * 100)
    with pytest.raises(Exception, match="not a usable database"):
        opened()


def test_figures_tell_shared_documents_apart(opened: Opener) -> None:
    core = opened()
    run_to_end(index_updates.update_quickly(core))
    fresh = core.figures()
    assert (fresh.documents["shared"], fresh.documents["guild"]) == (1, 0)
    for guild_id in (GUILD, GUILD + 1):
        revision = _proposed(core, guild_id)
        _decide(core, revision, guild_id=guild_id)
        _proposed(core, guild_id)
    [first, _, _] = core.answer_pipeline.ask(
        [Ask(QUESTION, 1, GUILD), Ask(QUESTION, 1, GUILD + 1), Ask("zebrafish tariffs", 1, GUILD)]
    )
    assert first.question_id is not None
    core.store.feedback_records.record(Feedback(first.question_id, 7, Verdict.HELPFUL))
    core.store.feedback_records.record(Feedback(first.question_id, 8, Verdict.UNHELPFUL))
    figures = core.figures()
    assert sum(figures.questions.values()) == 3
    assert figures.questions["none"] == 1
    assert figures.verdicts == {"helpful": 1, "unhelpful": 1}
    assert figures.notes == {"live": 2, "pending": 2}
    assert figures.documents == {"shared": 1, "guild": 2}
    assert figures.passages["guild"] == 2
    assert figures.generation == fresh.generation + 2
    assert fresh.changed_at is not None
    assert figures.changed_at is not None
    assert fresh.changed_at < figures.changed_at <= datetime.now(UTC)
    assert (figures.model, figures.embedder) == (Settings().model.name, "words")


def test_an_index_that_never_changed_has_no_age(opened: Opener) -> None:
    assert opened().figures().changed_at is None


def test_batched_questions_count_each_stage_once(opened: Opener) -> None:
    core = opened()
    run_to_end(index_updates.update_quickly(core))
    told: list[tuple[Stage, float]] = []
    core.answer_pipeline.observe(lambda stage, seconds: told.append((stage, seconds)))
    core.answer_pipeline.ask([Ask("what is open source AI", 1), Ask(QUESTION, 1, GUILD)])
    assert {stage for stage, _ in told} == set(Stage)
    assert [stage for stage, _ in told].count(Stage.EMBED) == 1
    assert all(seconds >= 0 for _, seconds in told)


def test_a_reranker_makes_no_index_stale(folder: Path, cross_encoder: Path) -> None:
    embedder = WordEmbedder(4_096)
    with Core(Settings(data=DataSettings(folder=folder)), embedder) as core:
        run_to_end(index_updates.update_quickly(core))
        generation = core.index.generation
    model = ModelSettings(reranker=str(cross_encoder), reranker_ms=60_000)
    settings = Settings(data=DataSettings(folder=folder), model=model)
    with Core(settings, embedder) as core:
        assert core.index.generation == generation
        [reply] = core.answer_pipeline.ask([Ask("open source licence", 1)])
        assert reply.question_id is not None
        question = core.store.question_records.question(reply.question_id)
    assert question is not None
    assert all("reranker" in hit.legs for hit in question.hits)
    assert "placed by the reranker" in "".join(why(question, moderator=True))


def test_a_reranked_refusal_is_one_gap(folder: Path, cross_encoder: Path) -> None:
    model = ModelSettings(reranker=str(cross_encoder), reranker_ms=60_000)
    settings = Settings(data=DataSettings(folder=folder), model=model)
    with Core(settings, WordEmbedder(4_096)) as core:
        run_to_end(index_updates.update_quickly(core))
        [reply] = core.answer_pipeline.ask([Ask("zanzibar ferry timetable", 1, GUILD)])
        assert isinstance(reply.outcome, Refusal)
        assert "reranker" in core.search("zanzibar ferry timetable", GUILD, 10)[0].legs
        assert [gap.text for gap in refused_questions(core.store, GUILD)] == [
            "zanzibar ferry timetable"
        ]


def test_a_missing_reranker_is_told(folder: Path) -> None:
    settings = Settings(
        data=DataSettings(folder=folder), model=ModelSettings(reranker="no/such-model")
    )
    with Core(settings, WordEmbedder(4_096)) as core:
        [problem] = core.problems()
        run_to_end(index_updates.update_quickly(core))
        [reply] = core.answer_pipeline.ask([Ask("open source licence", 1)])
    assert "There is no reranker 'no/such-model' on this machine" in problem
    assert reply.hits


def test_a_reranker_that_fails_later_costs_no_answer_and_it_is_said(
    folder: Path, cross_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ModelSettings(reranker=str(cross_encoder), reranker_ms=60_000)
    settings = Settings(data=DataSettings(folder=folder), model=model)
    with Core(settings, WordEmbedder(4_096)) as core:
        run_to_end(index_updates.update_quickly(core))
        assert core.problems() == ()
        reranking = core.retriever.reranking
        assert reranking is not None
        monkeypatch.setattr(reranking, "_reranker", None)
        [reply] = core.answer_pipeline.ask([Ask("open source licence", 1)])
        [problem] = core.problems()
    assert reply.hits
    assert all("reranker" not in hit.legs for hit in reply.hits)
    assert "failed" in problem


def test_withheld_members_quotations_are_erased(opened: Opener, tmp_path: Path) -> None:
    chat = tmp_path / "chats"
    chat.mkdir()
    (chat / "thread.json").write_bytes(exporting.as_json(exporting.export(exporting.SOLVED)))
    (chat / "page.md").write_text("Mail from that provider is held back in a second place.")
    core = opened()
    add_paths(core.store, [chat])
    run_to_end(index_updates.update_files(core))
    [reply] = core.answer_pipeline.ask(
        [Ask("mail to that provider held back", 1, exporting.GUILD_ID)]
    )
    assert reply.question_id is not None
    before = core.store.question_records.question(reply.question_id)
    assert before is not None
    assert {hit.document_id.endswith(".md") for hit in before.hits} == {True, False}

    core.store.quote_opt_outs.withhold(exporting.HELPER)
    run_to_end(index_updates.update_files(core))

    after = core.store.question_records.question(reply.question_id)
    assert after is not None
    assert [hit.document_id.endswith(".md") for hit in after.hits] == [True]
    kept = "select 1 from recorded_passages where passage like '%under Security%'"
    assert core.store.database.rows(kept) == []


class RecordingEmbedder(WordEmbedder):
    """An embedder that records the sizes of its batches."""

    def __init__(self) -> None:
        super().__init__(512)
        self.batches: list[int] = []

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(len(texts))
        return super().embed_passages(texts)


def _long_note() -> Submission:
    parts = [f"## Part {number}\n\nWord{number} is said here alone." for number in range(150)]
    return Submission("Long", "\n\n".join(parts))


def test_a_long_note_is_embedded_in_slices_and_approving_it_then_embeds_nothing(
    tmp_path: Path,
) -> None:
    embedder = RecordingEmbedder()
    with Core(Settings(data=DataSettings(folder=tmp_path)), embedder) as core:
        revision_id = _proposed(core, submission=_long_note())
        steps = list(review_service.embed_revision_ahead(core, GUILD, revision_id))
        ahead = list(embedder.batches)
        _decide(core, revision_id)

        assert len(steps) >= len(ahead) > 1
        assert max(ahead) <= SLICE_TEXTS
        assert embedder.batches == ahead
        [note] = core.store.notes.every_live()
        assert core.document(f"note:{note.id}", [Scope(GUILD)])


def test_neighbours_of_long_notes_embed_in_slices(tmp_path: Path) -> None:
    embedder = RecordingEmbedder()
    with Core(Settings(data=DataSettings(folder=tmp_path)), embedder) as core:
        _proposed(core, submission=_long_note())
        again = Submission("Long", f"{_long_note().text}\n\n## More\n\nOnce more.")
        for _ in core.part(SimilarNotes).embed_ahead(GUILD, again):
            pass
        ahead = list(embedder.batches)
        [near] = core.part(SimilarNotes).documents(GUILD, again)

        assert near.closeness is Closeness.SAME
        assert len(ahead) > 2
        assert max(ahead) <= SLICE_TEXTS
        assert embedder.batches == ahead


def test_a_long_notes_impact_embeds_in_slices(tmp_path: Path) -> None:
    embedder = RecordingEmbedder()
    with Core(Settings(data=DataSettings(folder=tmp_path)), embedder) as core:
        revision_id = _proposed(core, submission=_long_note())
        note = core.store.notes.find(revision_id, GUILD)
        assert note is not None
        steps = list(core.part(ImpactPreview).of_revision(note))

        assert len(steps) > len(embedder.batches) > 1
        assert max(embedder.batches) <= SLICE_TEXTS


@pytest.mark.parametrize("action", [Action.RESTORE, Action.UNDO])
def test_a_note_live_again_embeds_in_slices(tmp_path: Path, action: Action) -> None:
    embedder = RecordingEmbedder()
    with Core(Settings(data=DataSettings(folder=tmp_path)), embedder) as core:
        revision_id = _proposed(core, submission=_long_note())
        _decide(core, revision_id)
        note = core.store.notes.of_revision(revision_id)
        decisions, contributions = core.store.decisions, core.store.contributions
        if action is Action.RESTORE:
            review_service.update_index(core, decisions.retire(GUILD, note.id, ADA))
        else:
            short = Submission("Short", "Nothing of all that.")
            revised = contributions.revise(GUILD, note.id, MIRA, short)
            assert revised is not None
            revision_id = revised.note.revision.id
            _decide(core, revision_id)
        core.index.tables.prune_vectors()
        embedder.batches.clear()

        note = core.store.notes.of_revision(revision_id)
        again = ACTIONS[action].publishes(core, note)
        steps = list(review_service.embed_revision_ahead(core, GUILD, again))
        ahead = list(embedder.batches)
        if action is Action.RESTORE:
            review_service.update_index(core, decisions.restore(GUILD, note.id, ADA))
        else:
            review_service.update_index(core, decisions.undo(GUILD, revision_id, ADA))

        assert len(steps) >= len(ahead) > 1
        assert embedder.batches == ahead
        assert len(core.document(f"note:{note.id}", [Scope(GUILD)])) > SLICE_TEXTS


class LockedOutEmbedder(WordEmbedder):
    """An embedder that fails during a write of the community database."""

    def __init__(self, database: Path) -> None:
        super().__init__(512)
        self._database = database

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with closing(sqlite3.connect(self._database, timeout=0, isolation_level=None)) as other:
            other.execute("begin immediate")
            other.execute("rollback")
        return super().embed_passages(texts)


def test_nothing_is_embedded_inside_a_write(tmp_path: Path) -> None:
    embedder = LockedOutEmbedder(tmp_path / COMMUNITY)
    with Core(Settings(data=DataSettings(folder=tmp_path)), embedder) as core:
        core.store.guilds.save_rule(GUILD, Rule("", publish_role_id=55), 9)
        contributions = core.store.contributions
        published = review_service.once_per_interaction(
            core,
            GUILD,
            1,
            lambda: contributions.propose(
                GUILD, MIRA, 5, Submission("A", "Ferries."), role_ids=(55,)
            ),
        )
        proposed = contributions.propose(GUILD, MIRA, 5, Submission("B", "Trains."))
        _decide(core, proposed.note.revision.id)

        assert published.live_changed
        assert len(core.store.notes.every_live()) == 2


def test_searches_keep_to_the_memory_of_the_settings(folder: Path) -> None:
    """Only one of two guilds fits in memory: a question loads its guild and evicts the other."""
    settings = Settings(data=DataSettings(folder=folder), index=IndexSettings(resident_mb=1))
    with Core(settings, WordEmbedder(65_536)) as core:
        for guild_id in (GUILD, GUILD + 1):
            for n in range(24):
                document = Document(
                    f"file:{guild_id}-{n}", Scope(guild_id), Kind.FILE, "T", f"word{n}"
                )
                index_document(core.index, core.embedder, document)
        for guild_id, other in ((GUILD, GUILD + 1), (GUILD + 1, GUILD)):
            assert core.search("word7", guild_id, 5)
            assert core.index.is_resident(Scope(guild_id))
            assert not core.index.is_resident(Scope(other))


def test_after_warm_up_a_first_question_embeds_alone(opened: Opener) -> None:
    """The cosine scale needs sixty embedded questions."""
    core = opened()
    for _ in core.warm_up():
        pass
    embedder = core.embedder
    assert isinstance(embedder, WordEmbedder)
    embedder.calls.clear()
    core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)], record=False)
    assert len(embedder.texts) == 1

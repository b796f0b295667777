"""An answer replayed: what is recorded suffices, and every change since is told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from bot.answers.ask import Ask
from bot.answers.replay import PassageState, Replay
from bot.cli import ask as output
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.review import service as review_service
from indexer.ingest.pipeline import index_document, update
from indexer.retrieval.evidence import FEATURES, FittedFor, default_calibration
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import SHARED, Document, Kind, Scope, channel_scope
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import Evidence, RecordedPhrasing, WrittenLine
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

GUILD = 10
QUESTION = "where does the quokka meetup take place"
TEXTS = {
    "meetup": "The quokka meetup takes place in Lisbon on Fridays.",
    "fees": "The quokka club takes no fees.",
    "bees": "Bees make honey.",
}


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    settings = Settings(data=DataSettings(folder=tmp_path / "data"))
    with Core(settings, WordEmbedder(4_096)) as made:
        _index(made, TEXTS)
        yield made


def _index(core: Core, texts: dict[str, str], scope: Scope = SHARED) -> None:
    corpus = [Document(f"file:{key}", scope, Kind.FILE, "", text) for key, text in texts.items()]
    run_to_end(update(core.index, core.embedder, corpus))


def _asked(core: Core, question: str = QUESTION, earlier: str = "") -> int:
    [reply] = core.answer_pipeline.ask([Ask(question, 1, GUILD, 5, earlier)])
    assert reply.question_id is not None
    return reply.question_id


def _replayed(core: Core, question_id: int) -> Replay:
    replay = core.replay(question_id)
    assert replay is not None
    return replay


def _states(replay: Replay) -> dict[str, PassageState]:
    return {place.document_id.removeprefix("file:"): place.state for place in replay.places}


def test_an_unrecorded_question_is_not_replayed(core: Core) -> None:
    assert core.replay(99) is None


def test_where_nothing_changed_the_same_is_answered(core: Core) -> None:
    replay = _replayed(core, _asked(core))
    assert replay.changes == []
    assert set(_states(replay).values()) == {PassageState.SAME}
    assert [place.then for place in replay.places] == [place.now for place in replay.places]


def test_replaying_records_nothing(core: Core) -> None:
    question_id = _asked(core)
    _replayed(core, question_id)
    assert core.store.question_records.question(question_id + 1) is None


def test_what_the_evidence_was_judged_by_is_recorded(core: Core) -> None:
    question = core.store.question_records.question(_asked(core))
    assert question is not None
    assert set(question.signals) == {*FEATURES, "probability", "strong", "none"}
    assert question.signals["probability"] >= question.signals["none"]
    assert question.settings.startswith("model words, blend")


def test_a_refusal_says_how_unlikely_an_answer_was(core: Core) -> None:
    question = core.store.question_records.question(_asked(core, "zanzibar ferry timetable"))
    assert question is not None
    assert question.evidence is Evidence.NONE
    assert question.signals["probability"] < question.signals["none"]


def test_new_changed_and_removed_documents_are_told_apart(core: Core) -> None:
    question_id = _asked(core)
    _index(
        core,
        {
            "fees": "The quokka club takes a fee.",
            "place": "Where the quokka meetup does take place: Porto.",
            "bees": TEXTS["bees"],
        },
    )
    replay = _replayed(core, question_id)
    assert _states(replay) == {
        "meetup": PassageState.GONE,
        "fees": PassageState.CHANGED,
        "place": PassageState.NEW,
        "bees": PassageState.SAME,
    }
    assert replay.changes[0].startswith("The index went from generation")
    assert "file:meetup is no longer there." in replay.changes
    assert "file:fees says something else now." in replay.changes
    assert "file:place was not found then." in replay.changes
    assert "file:meetup was first; now file:place is." in replay.changes


def test_an_answer_that_became_a_refusal_says_so(core: Core) -> None:
    question_id = _asked(core)
    _index(core, {"bees": TEXTS["bees"]})
    replay = _replayed(core, question_id)
    assert replay.now.evidence is Evidence.NONE
    assert any(change.endswith("now it is none.") for change in replay.changes)


def test_a_follow_up_is_replayed_with_its_question(core: Core) -> None:
    replay = _replayed(core, _asked(core, "and what does it cost", "quokka club fees"))
    assert replay.question.earlier == "quokka club fees"
    # A refused follow-up offers the page of the answer before.
    assert replay.now.evidence is Evidence.NONE
    assert replay.places[0].document_id == "file:fees"
    assert replay.changes == []


def test_the_followed_question_is_shown(core: Core) -> None:
    earlier = "quokka club fees\nand since when"
    replay = _replayed(core, _asked(core, "and what does it cost", earlier))
    console = Console(width=160)
    with console.capture() as captured:
        console.print(output.replay_text(replay))
    assert "following up: quokka club fees › and since when" in captured.get()


def test_a_replay_shows_only_what_its_asker_may_see(core: Core) -> None:
    submission = Submission("Quokka", TEXTS["meetup"])
    revision = review_service.update_index(
        core, core.store.contributions.propose(GUILD, Member(1, "Mira"), 5, submission)
    ).note.revision
    review_service.decide(core, GUILD, revision.id, Member(2, "Ada"), Ruling(Decision.APPROVE))
    question_id = _asked(core)
    _index(core, {"fees": TEXTS["fees"], "other": TEXTS["meetup"]}, Scope(GUILD + 1))
    replay = _replayed(core, question_id)
    assert "other" not in _states(replay)
    assert _states(replay)["fees"] is PassageState.GONE


def test_channel_words_are_replayed_for_their_readers(core: Core) -> None:
    said = Document("channel:7:1", channel_scope(7), Kind.CHAT, "Said", TEXTS["meetup"])
    index_document(core.index, core.embedder, said)
    [reply] = core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD, 5, channels=(7,))])
    assert reply.question_id is not None

    replay = _replayed(core, reply.question_id)
    places = {place.document_id: place for place in replay.places}
    assert (places[said.id].title, places[said.id].state) == ("Said", PassageState.SAME)
    assert places[said.id].now == places[said.id].then
    assert replay.changes == []

    core.index.tables.apply([], [said.id])
    places = {place.document_id: place for place in _replayed(core, reply.question_id).places}
    assert (places[said.id].title, places[said.id].state) == ("", PassageState.GONE)


def test_other_settings_are_named(tmp_path: Path) -> None:
    settings = Settings(data=DataSettings(folder=tmp_path))
    with Core(settings, WordEmbedder(4_096)) as core:
        _index(core, TEXTS)
        question_id = _asked(core)
    own = default_calibration()
    fitted = replace(own, bias=own.bias - 10, model=FittedFor("", "words"))
    (tmp_path / "calibration.toml").write_text(fitted.to_toml())
    with Core(settings, WordEmbedder(4_096)) as core:
        changes = _replayed(core, question_id).changes
    assert any(change.startswith("It is judged by model words, blend") for change in changes)


def test_programs_get_all_of_it(core: Core) -> None:
    record = json.loads(json.dumps(output.replay_record(_replayed(core, _asked(core)))))
    assert record["question"] == QUESTION
    assert record["then"]["evidence"] == record["now"]["evidence"]
    assert record["then"]["signals"] == record["now"]["signals"]
    assert record["then"]["hits"] == record["now"]["hits"]
    assert record["changes"] == []


def test_people_read_places_signals_and_changes(core: Core) -> None:
    question_id = _asked(core)
    _index(core, {"fees": TEXTS["fees"]})
    console = Console(width=160)
    with console.capture() as captured:
        console.print(output.replay_text(_replayed(core, question_id)))
    shown = captured.get()
    for part in (QUESTION, "file:meetup", "gone", "weakest", "is no longer there."):
        assert part in shown


def test_a_models_part_is_shown_and_exported(core: Core) -> None:
    question_id = _asked(core)
    assert (
        json.loads(json.dumps(output.replay_record(_replayed(core, question_id))))["phrasing"]
        is None
    )
    phrasing = RecordedPhrasing(
        "phrase",
        "shown",
        datetime(2026, 3, 4, tzinfo=UTC),
        model="small",
        prompt_version=2,
        chosen=("1.2",),
        places=(1, 0),
        lines=(WrittenLine("They meet on [Fridays].", (1,)),),
        verdicts={"passed": 1, "number": 2},
        prompt_tokens=1_300,
        reply_tokens=40,
        milliseconds=2_345,
    )
    core.store.phrasings.finish(question_id, phrasing, keeps_words=True)
    console = Console(width=160)
    with console.capture() as captured:
        console.print(output.replay_text(_replayed(core, question_id)))
    shown = captured.get()
    for part in (
        "Phrasing (phrase) by small, prompt 2: shown, 2,345 ms, 1,300 + 40 tokens.",
        "Its sentences: 1 passed, 2 number.",
        "Quoted: 1.2.",
        "Order: 2, 1.",
        "Written: They meet on [Fridays]. [1]",
    ):
        assert part in shown
    record = json.loads(json.dumps(output.replay_record(_replayed(core, question_id))))
    assert record["phrasing"]["lines"] == [{"text": "They meet on [Fridays].", "numbers": [1]}]
    assert record["phrasing"]["milliseconds"] == 2_345

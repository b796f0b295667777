"""Live switch of a core: models never mix, and deleted documents are never quoted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Refusal
from bot.core import index_updates
from bot.core.core import Core
from bot.core.live_switch import LiveSwitch
from bot.core.worker import Worker
from bot.models.calibrations import CALIBRATION, save_calibration
from bot.models.choice import go_back
from bot.models.serving_model import (
    Served,
    other_indexes,
    read_pointer,
    retained_indexes,
    switch_to,
)
from bot.process.client import answered_together
from bot.review.impact import ImpactPreview
from bot.review.similar_notes import SimilarNotes
from bot.storage.data_folder import MODEL_LOCK, try_lock
from bot.storage.index_places import INDEX
from indexer.embedding.model_records import ModelRecord
from indexer.index.database import FORMAT
from indexer.index.tables import IndexTables
from indexer.retrieval.evidence import FittedFor, without_tokens
from knowledge.sources import add_paths
from knowledge.values.documents import Kind
from tests.bot.models.choosing import (
    FIRST,
    GUILD,
    MEETUP,
    OTHER,
    WHERE,
    asked,
    choose,
    opened,
    publish,
    quoted,
    retire,
    settings_for,
    updated,
)
from tests.fakes import SaltedEmbedder, salted_models

FERRY: Final = ("Ferry", "The narwhal ferry leaves from the northern pier at noon.")
LIBRARY: Final = "The otter library lends maps of every island."
WHEN: Final = "when does the narwhal ferry leave"

pytestmark = pytest.mark.usefixtures("one_article")

Opening = Callable[..., Worker[Core]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a note, served by the first model."""
    with opened(tmp_path / "data") as core:
        publish(core, *MEETUP)
    return tmp_path / "data"


@pytest.fixture
async def working(folder: Path) -> AsyncIterator[Opening]:
    """Start workers on the folder as bots do; all are stopped with the test."""
    workers: list[Worker[Core]] = []

    def start(name: str = FIRST) -> Worker[Core]:
        workers.append(Worker(lambda: opened(folder, name), Core.close))
        return workers[-1]

    yield start
    for worker in workers:
        await worker.stop()


def _ask(worker: Worker[Core], question: str) -> asyncio.Task[object]:
    async def outcome() -> object:
        reply = await worker.call_batched(answered_together, Ask(question, 1, GUILD))
        return reply.outcome

    return asyncio.create_task(outcome())


async def test_a_running_core_follows_what_was_chosen_and_everybody_is_answered(
    folder: Path, working: Opening
) -> None:
    worker = working()
    switch = LiveSwitch(worker, folder)
    assert not await switch.follow_pointer()
    await asyncio.to_thread(choose, folder)
    waiting = [_ask(worker, WHERE) for _ in range(20)]
    assert await switch.follow_pointer()
    waiting += [_ask(worker, WHERE) for _ in range(20)]
    assert {type(outcome) for outcome in await asyncio.gather(*waiting)} == {Answer}
    assert await worker.call(lambda core: core.embedder.model) == f"{OTHER} salted"
    assert not await switch.follow_pointer()
    assert switch.state == ""


async def test_each_model_is_judged_by_what_was_fitted_for_it(
    folder: Path, working: Opening, caplog: pytest.LogCaptureFixture
) -> None:
    """The model's own calibration holds again, whatever was fitted for another one."""
    own = without_tokens()
    for_first, for_other = (
        replace(own, strong=strong, model=FittedFor(name))
        for name, strong in ((FIRST, 0.9), (OTHER, 0.8))
    )
    save_calibration(folder, for_first)
    worker = working()
    switch = LiveSwitch(worker, folder)
    await switch.follow_pointer()

    def strong(core: Core) -> float:
        return core.retriever.calibration.strong

    assert await worker.call(strong) == 0.9
    await asyncio.to_thread(choose, folder)
    assert await switch.follow_pointer()
    assert await worker.call(strong) == own.strong
    assert f"was fitted for {FIRST} and is not applied to {OTHER}" in caplog.text
    await asyncio.to_thread(go_back, folder, FIRST)
    save_calibration(folder, for_other)
    assert await switch.follow_pointer()
    assert await worker.call(strong) == 0.9
    await asyncio.to_thread(go_back, folder, FIRST)
    assert await switch.follow_pointer()
    assert await worker.call(strong) == 0.8


async def test_a_calibration_that_can_not_be_read_keeps_the_model_before_serving(
    folder: Path, working: Opening
) -> None:
    worker = working()
    switch = LiveSwitch(worker, folder)
    await switch.follow_pointer()
    await asyncio.to_thread(choose, folder)
    (folder / CALIBRATION).write_text("bias = 1")
    assert not await switch.follow_pointer()
    assert "calibration.toml can't be used" in switch.state
    assert await worker.call(lambda core: core.served.model.name) == FIRST
    assert await worker.call(lambda core: quoted(core, WHERE)) == [MEETUP[1]]


async def test_what_is_made_of_vectors_is_made_anew(folder: Path, working: Opening) -> None:
    """Grouping, similar notes and the impact preview use the new model's vectors."""
    worker = working()
    switch = LiveSwitch(worker, folder)

    def parts(core: Core) -> list[object]:
        return [
            core.retriever,
            core.question_vectors,
            core.part(SimilarNotes),
            core.part(ImpactPreview),
            core.answer_pipeline,
            core.articles,
        ]

    await worker.call(lambda core: core.question_vectors.of([WHERE]))
    seconds: list[object] = []
    await worker.call(lambda core: core.answer_pipeline.observe(lambda *each: seconds.append(each)))
    before = await worker.call(parts)
    await asyncio.to_thread(choose, folder)
    assert await switch.follow_pointer()
    after = await worker.call(parts)
    assert not any(one is other for one, other in zip(before, after, strict=True))
    vectors = await worker.call(lambda core: core.question_vectors.of([WHERE]))
    assert vectors.shape == (1, 512 + len(OTHER))
    # The observer of stages stays.
    assert isinstance(await _ask(worker, WHERE), Answer)
    assert seconds


async def test_slices_under_way_begin_anew_with_the_new_model(
    folder: Path, working: Opening
) -> None:
    worker = working()
    switch = LiveSwitch(worker, folder)
    await switch.follow_pointer()
    await asyncio.to_thread(choose, folder)
    came, may_go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    begun: list[str] = []

    def steps(core: Core) -> Iterator[str]:
        begun.append(core.embedder.model)
        vector = core.question_vectors.of([WHERE])
        yield "embedded"
        loop.call_soon_threadsafe(came.set)
        while not may_go_on.is_set():
            yield "waiting"
        core.retriever.cosines(vector, [[*core.index.passages(range(9))]])
        yield core.embedder.model

    running = asyncio.create_task(worker.run_slices(steps))
    await came.wait()
    assert await switch.follow_pointer()
    may_go_on.set()
    assert await running == f"{OTHER} salted"
    assert begun == [f"{FIRST} salted", f"{OTHER} salted"]


async def test_notes_that_came_and_went_after_the_build_are_right_at_the_first_answer(
    folder: Path, working: Opening
) -> None:
    worker = working()
    switch = LiveSwitch(worker, folder)
    await switch.follow_pointer()
    await asyncio.to_thread(choose, folder)
    [meetup] = await worker.call(lambda core: [one.id for one in core.store.notes.every_live()])
    await worker.call(lambda core: publish(core, *FERRY))
    await worker.call(lambda core: retire(core, meetup))
    assert await switch.follow_pointer()
    assert isinstance(await _ask(worker, WHEN), Answer)
    assert MEETUP[1] not in await worker.call(lambda core: quoted(core, WHERE))


async def test_a_file_that_was_deleted_after_the_build_is_not_answered_from(
    folder: Path, working: Opening, tmp_path: Path
) -> None:
    guides = tmp_path / "guides"
    guides.mkdir()
    guide, kept = guides / "guide.md", guides / "kept.md"
    guide.write_text(FERRY[1])
    kept.write_text(LIBRARY)
    worker = working()
    switch = LiveSwitch(worker, folder)
    await switch.follow_pointer()
    await worker.call(lambda core: add_paths(core.store, [guides]))
    await worker.run_slices(index_updates.update)
    await asyncio.to_thread(choose, folder)
    guide.unlink()
    await worker.run_slices(index_updates.update_files)
    assert await switch.follow_pointer()
    assert isinstance(await _ask(worker, WHEN), Refusal)
    assert isinstance(await _ask(worker, "what does the otter library lend"), Answer)
    # A file that comes back unchanged is read again.
    guide.write_text(FERRY[1])
    await worker.run_slices(index_updates.update_files)
    assert isinstance(await _ask(worker, WHEN), Answer)


async def test_going_back_quotes_nothing_deleted_and_embeds_only_new_notes(
    folder: Path, working: Opening
) -> None:
    worker = working()
    switch = LiveSwitch(worker, folder)
    await switch.follow_pointer()
    await worker.call(lambda core: publish(core, "Library", LIBRARY))
    await asyncio.to_thread(choose, folder)
    assert await switch.follow_pointer()
    meetup, _ = await worker.call(lambda core: [one.id for one in core.store.notes.every_live()])
    await worker.call(lambda core: retire(core, meetup))
    await worker.call(lambda core: publish(core, *FERRY))
    await asyncio.to_thread(go_back, folder, FIRST)
    # An index opened now has no retracted note, even before an update.
    with opened(folder) as core:
        assert core.embedder.model == f"{FIRST} salted"
        assert MEETUP[1] not in quoted(core, WHERE)
    assert await switch.follow_pointer()
    assert MEETUP[1] not in await worker.call(lambda core: quoted(core, WHERE))
    assert isinstance(await _ask(worker, WHEN), Answer)
    assert await worker.call(lambda core: core.served.index) == INDEX
    assert other_indexes(folder) == []

    def embedded(core: Core) -> list[str]:
        assert isinstance(core.embedder, SaltedEmbedder)
        return core.embedder.texts

    # The kept index still had the vectors of every note but the new one.
    texts = " ".join(await worker.call(embedded))
    assert FERRY[1] in texts
    assert LIBRARY not in texts


async def test_a_model_that_can_not_be_opened_leaves_the_old_one_answering(
    folder: Path, working: Opening
) -> None:
    worker = working()
    switch = LiveSwitch(worker, folder)
    await switch.follow_pointer()
    lost = Served(ModelRecord("missing", vectors="missing salted"), "index.lost")
    switch_to(folder, FIRST, lost)
    assert not await switch.follow_pointer()
    assert "can't be opened: There is no model 'missing'" in switch.state
    assert isinstance(await _ask(worker, WHERE), Answer)


async def test_a_core_whose_settings_name_another_model_answers_builds_and_switches(
    folder: Path, working: Opening
) -> None:
    worker = working(OTHER)
    switch = LiveSwitch(worker, folder)
    assert await worker.call(lambda core: core.embedder.model) == f"{FIRST} salted"
    assert isinstance(await _ask(worker, WHERE), Answer)
    assert not await switch.follow_pointer()
    assert await switch.build_wanted()
    assert await worker.call(lambda core: core.embedder.model) == f"{OTHER} salted"
    assert isinstance(await _ask(worker, WHERE), Answer)
    pointer = read_pointer(folder)
    assert pointer is not None
    assert (pointer.configured, pointer.serving.model.name) == (OTHER, OTHER)
    assert not await switch.build_wanted()
    assert not await switch.follow_pointer()


async def test_while_it_is_built_the_state_says_so(folder: Path, working: Opening) -> None:
    worker = working(OTHER)
    switch = LiveSwitch(worker, folder)
    states: list[str] = []

    def watching(core: Core) -> Iterator[None]:
        while not core.embedder.model.startswith(OTHER):
            states.append(switch.state)
            yield

    watch = asyncio.create_task(worker.run_slices(watching))
    assert await switch.build_wanted()
    await watch
    assert any("is being built; the one before answers" in state for state in states)
    assert switch.state == ""


async def test_nothing_is_built_while_another_process_builds(
    folder: Path, working: Opening
) -> None:
    worker = working(OTHER)
    switch = LiveSwitch(worker, folder)
    with try_lock(folder, MODEL_LOCK) as mine:
        assert mine
        assert not await switch.build_wanted()
    assert await worker.call(lambda core: core.embedder.model) == f"{FIRST} salted"


async def test_a_wanted_model_that_is_missing_is_told_and_the_old_one_answers(
    folder: Path, working: Opening
) -> None:
    worker = working("missing")
    switch = LiveSwitch(worker, folder)
    assert not await switch.build_wanted()
    assert "'missing' of config.toml can't serve: There is no model" in switch.state
    assert isinstance(await _ask(worker, WHERE), Answer)


async def test_what_is_taken_back_goes_out_of_the_index_that_is_kept(
    folder: Path, working: Opening
) -> None:
    worker = working()
    switch = LiveSwitch(worker, folder)
    await switch.follow_pointer()
    await asyncio.to_thread(choose, folder)
    await switch.follow_pointer()
    assert _kept(folder) == 1
    [meetup] = await worker.call(lambda core: [one.id for one in core.store.notes.every_live()])
    await switch.prune()
    assert _kept(folder) == 1
    await worker.call(lambda core: retire(core, meetup))
    await switch.prune()
    assert _kept(folder) == 0


def _kept(folder: Path) -> int:
    """The number of notes in the previous model's index."""
    _, before = retained_indexes(folder)
    with closing(IndexTables(folder / before, {"format": str(FORMAT)}, 0)) as tables:
        return len(tables.document_digests({Kind.NOTE}))


def test_a_core_opened_later_serves_the_chosen_model_and_builds_one_named_by_new_settings(
    folder: Path,
) -> None:
    choose(folder)
    with opened(folder, "third") as core:
        assert core.served.model.name == OTHER
        assert core.wanted is not None
        assert core.wanted.name == "third"
        assert quoted(core, WHERE) == [MEETUP[1]]
    with opened(folder) as core:
        assert (core.served.model.name, core.wanted) == (OTHER, None)
        assert core.figures().model == OTHER


def test_an_index_command_after_a_change_of_settings_lets_the_new_model_serve(
    folder: Path,
) -> None:
    choose(folder)
    core = Core(settings_for(folder, "third"), opener=salted_models, rebuild=True)
    updated(core)
    index_updates.complete_update(core)
    with opened(folder, "third") as core:
        assert (core.served.model.name, core.wanted) == ("third", None)
        assert isinstance(asked(core, WHERE).outcome, Answer)
    # The first one's index is no longer the one before.
    assert not (folder / INDEX).exists()

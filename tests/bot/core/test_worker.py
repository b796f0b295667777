"""Worker thread: priorities, batches, deadlines and a free event loop."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simcord import Env, InteractionResult
from simcord.interactions import base_payload

from bot.answers.ask import Ask
from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.job_queue import MAX_WAITING, Priority
from bot.core.worker import (
    MAX_BATCH,
    PATIENCE_SECONDS,
    TRY_AGAIN_SECONDS,
    DropReason,
    Worker,
    WorkerBusyError,
    WorkerStoppedError,
    current_member,
)
from bot.process.client import Bot, answer_together, start_worker
from indexer.index.database import IndexReadError
from knowledge.sources.addition import add_paths
from knowledge.store.database import DatabaseAwayError, OutcomeUnknownError
from knowledge.values.questions import Evidence
from tests.bot.message_parts import text_of
from tests.bot.wire.server import SECONDS
from tests.fakes import WordEmbedder


class Diary:
    """A core that records its calls, and can be blocked at its start."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.gate = threading.Event()
        self.closed_in: threading.Thread | None = None

    def write(self, entry: str) -> str:
        self.done.append(entry)
        return entry

    def hold(self) -> None:
        self.gate.wait(10)

    def write_all(self, entries: list[str]) -> list[str]:
        self.done.append("+".join(entries))
        return [entry.upper() for entry in entries]

    def write_others(self, entries: list[str]) -> list[str]:
        self.done.append("others " + "+".join(entries))
        return list(entries)

    def fail(self, words: str) -> None:
        raise KeyError(words)

    def slices(self) -> Iterator[int]:
        for number in range(3):
            self.done.append(f"slice {number}")
            yield number

    def close(self) -> None:
        self.closed_in = threading.current_thread()


@pytest.fixture
async def diary() -> Diary:
    return Diary()


@pytest.fixture
async def worker(diary: Diary) -> AsyncIterator[Worker[Diary]]:
    started = Worker(lambda: diary, Diary.close)
    yield started
    diary.gate.set()
    await started.stop()


def held(worker: Worker[Diary]) -> "asyncio.Task[None]":
    """Block the thread, so that the next jobs wait together."""
    return asyncio.ensure_future(worker.call(Diary.hold, priority=Priority.ASKING))


async def written(worker: Worker[Diary], word: str, priority: Priority) -> str:
    """Record a word in a job."""
    return await worker.call(lambda diary: diary.write(word), priority=priority)


def of_member(worker: Worker[Diary], word: str, member: int) -> "asyncio.Task[str]":
    """Record a word in a member's job."""

    async def asked() -> str:
        current_member.set(member)
        return await worker.call(lambda diary: diary.write(word), priority=Priority.ASKING)

    return asyncio.ensure_future(asked())


async def run_together(
    worker: Worker[Diary], diary: Diary, *jobs: Coroutine[Any, Any, object]
) -> list[object]:
    """Queue jobs while the thread is blocked, then run them; returns results and exceptions."""
    holding = held(worker)
    await asyncio.sleep(0)
    waiting = [asyncio.ensure_future(job) for job in jobs]
    await asyncio.sleep(0)
    diary.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    await holding
    return found


async def test_asking_beats_reviewing_beats_indexing(worker: Worker[Diary], diary: Diary) -> None:
    urgency = (Priority.INDEXING, Priority.REVIEWING, Priority.ASKING)
    await run_together(worker, diary, *(written(worker, one.name, one) for one in urgency))
    assert diary.done == ["ASKING", "REVIEWING", "INDEXING"]


async def test_waiting_questions_share_a_call(worker: Worker[Diary], diary: Diary) -> None:
    calls = (worker.call_batched(Diary.write_all, letter) for letter in "abc")
    assert await run_together(worker, diary, *calls) == ["A", "B", "C"]
    assert diary.done == ["a+b+c"]


async def test_a_call_has_bounded_equal_questions(worker: Worker[Diary], diary: Diary) -> None:
    await run_together(
        worker,
        diary,
        worker.call_batched(Diary.write_others, "b"),
        worker.call_batched(Diary.write_others, "c"),
        *(worker.call_batched(Diary.write_all, "q") for _ in range(MAX_BATCH + 3)),
    )
    assert diary.done[0] == "others b+c"
    assert [len(call.split("+")) for call in diary.done[1:]] == [MAX_BATCH, 3]


async def test_before_each_turn_something_is_done_first() -> None:
    done: list[str] = []
    made: Worker[list[str]] = Worker(
        lambda: done, lambda _: None, before_turn=lambda core: core.append("before")
    )
    await made.call(lambda core: core.append("one"))
    await made.call(lambda core: core.append("two"))
    await made.stop()
    assert done == ["before", "one", "before", "two"]


async def test_an_exception_reaches_whoever_called(worker: Worker[Diary]) -> None:
    with pytest.raises(KeyError, match="found nowhere"):
        await worker.call(lambda diary: diary.fail("found nowhere"), priority=Priority.ASKING)
    assert await worker.call(lambda diary: diary.write("y"), priority=Priority.ASKING) == "y"


async def test_who_no_longer_waits_causes_no_work(worker: Worker[Diary], diary: Diary) -> None:
    holding = held(worker)
    await asyncio.sleep(0)
    given_up = asyncio.ensure_future(
        worker.call(lambda diary: diary.write("given up"), priority=Priority.ASKING)
    )
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)

    diary.gate.set()
    await holding
    await worker.call(lambda diary: diary.write("wanted"), priority=Priority.INDEXING)

    assert diary.done == ["wanted"]


async def test_a_failed_opening_gives_every_caller_the_reason() -> None:
    def open_core() -> Diary:
        raise OSError("the disk is gone")

    worker = Worker(open_core, Diary.close)
    outcomes = await asyncio.gather(
        worker.call(lambda diary: diary.write("a"), priority=Priority.ASKING),
        worker.call_batched(Diary.write_all, "b"),
        worker.run_slices(Diary.slices),
        return_exceptions=True,
    )
    await worker.stop()

    assert [str(outcome) for outcome in outcomes] == ["the disk is gone"] * 3


async def test_own_jobs_wait_for_reopening(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.worker.OPEN_AGAIN_SECONDS", 0.05)
    away, lost = DatabaseAwayError("It is away."), OutcomeUnknownError("It was lost.")
    failures, told = [IndexReadError("It can't be read."), lost, away], threading.Event()
    failures[0].__cause__ = away

    def open_core() -> Diary:
        if failures and (len(failures) > 1 or not told.is_set()):
            raise failures[-1] if len(failures) == 1 else failures.pop(0)
        return diary

    worker = Worker(open_core, Diary.close)
    own = asyncio.ensure_future(written(worker, "own", Priority.INDEXING))
    with pytest.raises((DatabaseAwayError, IndexReadError, OutcomeUnknownError)):
        await of_member(worker, "a member's", 5)
    assert not own.done()
    told.set()
    assert await own == "own"
    assert (worker.is_open, worker.problem) == (True, None)
    await worker.stop()
    assert diary.done == ["own"]


async def test_worker_stops_while_its_database_is_away() -> None:
    def open_core() -> Diary:
        raise DatabaseAwayError("It is away.")

    worker = Worker(open_core, Diary.close)
    own = asyncio.ensure_future(written(worker, "own", Priority.INDEXING))
    await asyncio.sleep(0)
    await worker.stop()
    with pytest.raises(DatabaseAwayError):
        await own


async def test_stopping_finishes_what_was_taken(worker: Worker[Diary], diary: Diary) -> None:
    holding = held(worker)
    await asyncio.sleep(0)
    taken = asyncio.ensure_future(
        worker.call(lambda diary: diary.write("taken"), priority=Priority.INDEXING)
    )
    await asyncio.sleep(0)
    stopping = asyncio.ensure_future(worker.stop())
    await asyncio.sleep(0)

    diary.gate.set()
    await asyncio.gather(holding, stopping)

    assert await taken == "taken"


async def test_stopping_closes_and_refuses_jobs(worker: Worker[Diary], diary: Diary) -> None:
    await worker.stop()
    await worker.stop()
    with pytest.raises(WorkerStoppedError):
        await worker.call(lambda diary: diary.write("late"), priority=Priority.ASKING)

    assert diary.closed_in is not None
    assert diary.closed_in.name == "commonplace-core"


async def test_a_question_goes_between_two_slices(worker: Worker[Diary], diary: Diary) -> None:
    asked = asyncio.Event()

    def slices(core: Diary) -> Iterator[int]:
        core.done.append("slice 0")
        loop.call_soon_threadsafe(asked.set)
        core.gate.wait(10)
        yield 0
        core.done.append("slice 1")
        yield 1

    loop = asyncio.get_running_loop()
    indexing = asyncio.ensure_future(worker.run_slices(slices))
    await asked.wait()
    question = asyncio.ensure_future(
        worker.call(lambda diary: diary.write("question"), priority=Priority.ASKING)
    )
    await asyncio.sleep(0)
    diary.gate.set()
    await asyncio.gather(indexing, question)

    assert diary.done == ["slice 0", "question", "slice 1"]


async def test_a_bad_question_spoils_no_other_of_its_batch(
    worker: Worker[Diary], diary: Diary
) -> None:
    def answer(core: Diary, entries: list[str]) -> list[str]:
        if "bad" in entries:
            raise KeyError("bad")
        return core.write_all(entries)

    calls = (worker.call_batched(answer, entry) for entry in ("a", "bad", "c"))
    outcomes = await run_together(worker, diary, *calls)
    assert outcomes[::2] == ["A", "C"]
    assert isinstance(outcomes[1], KeyError)
    assert diary.done == ["a", "c"]


async def test_a_full_queue_says_at_once_when_to_try_again(
    worker: Worker[Diary], diary: Diary
) -> None:
    holding = held(worker)
    await asyncio.sleep(0)
    while worker.waiting()[Priority.ASKING]:  # noqa: ASYNC110 - a thread's turn sets no event
        await asyncio.sleep(0.001)
    waiting = [of_member(worker, str(member), member) for member in range(MAX_WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(WorkerBusyError) as refused:
        await of_member(worker, "too much", MAX_WAITING)

    assert refused.value.reason is DropReason.BUSY
    assert TRY_AGAIN_SECONDS[0] <= refused.value.seconds <= TRY_AGAIN_SECONDS[1]
    diary.gate.set()
    await asyncio.gather(holding, *waiting)
    assert len(diary.done) == MAX_WAITING


async def test_only_members_overdue_jobs_are_dropped() -> None:
    diary, now = Diary(), [0.0]
    worker = Worker(lambda: diary, Diary.close, clock=lambda: now[0])
    holding = held(worker)
    await asyncio.sleep(0)
    late = of_member(worker, "late", 1)
    own = asyncio.ensure_future(written(worker, "own", Priority.REVIEWING))
    await asyncio.sleep(0)
    now[0] = PATIENCE_SECONDS[Priority.ASKING] + 1

    diary.gate.set()
    outcomes = await asyncio.gather(late, own, return_exceptions=True)
    await holding
    await worker.stop()

    assert isinstance(outcomes[0], WorkerBusyError)
    assert outcomes[0].reason is DropReason.LATE
    assert diary.done == ["own"]


async def test_exceptions_in_slices_reach_their_caller(worker: Worker[Diary]) -> None:
    def slices(core: Diary) -> Iterator[int]:
        yield 0
        raise KeyError("slice 1")

    with pytest.raises(KeyError, match="slice 1"):
        await worker.run_slices(slices)


# The bot's own worker, as members notice it.


class WaitingEmbedder(WordEmbedder):
    """An embedder whose slice ends only after a turn of the event loop.

    `meanwhile` says of each slice whether the loop did.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self.meanwhile: list[bool] = []

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        done = threading.Event()
        self._loop.call_soon_threadsafe(done.set)
        self.meanwhile.append(done.wait(SECONDS))
        return super().embed_passages(texts)


async def test_questions_interrupt_an_update(indexed_articles: Path, tmp_path: Path) -> None:
    """The event loop is never blocked either, and the index is whole afterwards."""
    shutil.copytree(indexed_articles, tmp_path / "data")
    many = tmp_path / "many"
    many.mkdir()
    for file in range(40):
        sections = [
            f"## Topic {number}\n\nWhat is said of number{number} is here and nowhere else.\n"
            for number in range(file * 20, file * 20 + 20)
        ]
        (many / f"file{file}.md").write_text(f"# File {file}\n\n" + "\n".join(sections))
    settings = Settings(data=DataSettings(folder=tmp_path / "data"))
    embedder = WaitingEmbedder(asyncio.get_running_loop())
    bot = Bot(settings, start_worker(settings, embedder))
    worker = bot.worker
    await worker.call(lambda core: add_paths(core.store, [many]))
    update = asyncio.create_task(worker.run_slices(index_updates.update))
    for _ in range(10):
        asked = Ask("What is open source AI?", asker_id=1)
        reply = await worker.call_batched(answer_together, asked)
        assert reply.evidence is not Evidence.NONE
        assert not update.done()
        await asyncio.sleep(0.01)
    progress = await update
    again = await worker.run_slices(index_updates.update)
    await bot.close()
    assert progress is not None
    assert again is not None
    assert progress.report.passages >= 800
    assert progress.report.failed == []
    assert len(embedder.meanwhile) > 40
    assert all(embedder.meanwhile)
    assert again.report.unchanged == 40 + 16


async def test_commands_are_acknowledged_while_the_core_opens(settings: Settings) -> None:
    may_open = threading.Event()

    def open_slowly() -> Core:
        assert may_open.wait(SECONDS)
        return Core(settings, WordEmbedder())

    bot = Bot(settings, Worker(open_slowly, Core.close))
    env = Env(bot)
    starting = asyncio.create_task(env.start())
    try:
        await until(bot.is_ready)
        result = first_command(env)
        async with asyncio.timeout(SECONDS):
            await until(lambda: result.acknowledged)
        assert not bot.worker.is_open
        assert result.deferred
        may_open.set()
        await starting
        assert result.response is not None
        assert "> " in text_of(result.response)
    finally:
        may_open.set()
        await asyncio.gather(starting, return_exceptions=True)
        await env.shutdown()
        await bot.close()


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - what is waited for is the library's, and sets no event
        await asyncio.sleep(0.01)


def first_command(env: Env) -> InteractionResult:
    """Send `/ask` as soon as the bot is there; Discord knows the command from an earlier start."""
    backend = env.backend
    guild = backend.create_guild("Open Source Corner")
    user = backend.make_user("mia")
    backend.add_member(guild.id, user.id)
    channel = backend.create_channel(guild.id, "general")
    option = {"name": "question", "type": 3, "value": "What is open source AI?"}
    record, payload = base_payload(
        backend,
        type=2,
        channel_id=channel.id,
        guild_id=guild.id,
        user_id=user.id,
        data={"id": str(backend.snowflake()), "name": "ask", "type": 1, "options": [option]},
    )
    backend.emit("INTERACTION_CREATE", payload)
    return InteractionResult(env, record)

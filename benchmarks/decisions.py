"""Decisions a second: notes of many guilds, approved by many processes on one PostgreSQL.

    python -m benchmarks.decisions [--guilds 200] [--writers 8] [--notes 2000] [--turns 3]
        [--followed 3400] [--real-time]

A decision is what a click on *Approve* does: the transaction of the community, and the note's
passages with their vectors in the index. Both are measured together, and each alone. Each process
has a core of its own, and writes for all guilds. The server is one of this run's own, which keeps
what is committed (`fsync` on); vectors have 384 numbers and come from a stand-in for the model.

With --real-time (root, Linux) processes and what serves them wait for nothing else on the machine.

Then notes are decided in one process and asked for in another. At last the writers submit and
decide so many, while four processes follow the log and the index of every guild; what each of them
has at the end is compared with the tables.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Final

from benchmarks.index_databases import (
    at_leisure,
    database,
    hurry,
    percentiles,
    told_by_followers,
)
from bot.answers.lookup import Ask
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.review import service
from indexer.ingest.pipeline import put
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import Document, Kind, Scope
from knowledge.values.notes import Decision, Member, Outcome
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

DIMENSION: Final = 384
FOLLOWERS: Final = 4
REAL_TIME: Final = "COMMONPLACE_REAL_TIME"
CONTRIBUTOR: Final = Member(1, "Mira")
MODERATOR: Final = Member(2, "Ada")
TEXT: Final = (
    "The ferry {number} leaves the island at dusk, when the lantern of the harbour is lit. "
    "Whoever wants to take bread along buys it before {number}; the kite stays at home."
)

# A decision on the note of a number, which is one of a guild.
Decide = Callable[[Core, int, int, int], object]


def opened(folder: Path, url: str) -> Core:
    settings = Settings(data=DataSettings(folder=folder, database=url))
    return Core(settings, WordEmbedder(DIMENSION))


def hurried(core: Core) -> Core:
    """Let nothing else have the processor first, if that was asked for (`REAL_TIME`)."""
    if REAL_TIME in os.environ:
        found = core.store.database.rows("select pg_backend_pid() as pid")
        hurry(core.index)
        os.sched_setscheduler(found[0]["pid"], os.SCHED_FIFO, os.sched_param(5))
    return core


def submitted(core: Core, guild_id: int, number: int, also: str = "") -> int:
    submission = Submission(f"Ferry {number}", f"{TEXT.format(number=number)} {also}".strip())

    def propose() -> Outcome:
        return core.store.contributions.propose(guild_id, CONTRIBUTOR, 5, submission)

    return service.taken(core, guild_id, 2 * number, propose).note.revision.id


def both(core: Core, guild_id: int, revision_id: int, number: int) -> None:
    """What a click does."""
    ruling = Ruling(Decision.APPROVE)
    outcome = service.decide(core, guild_id, revision_id, MODERATOR, ruling, 2 * number + 1)
    assert outcome is not None
    assert outcome.live_changed
    assert not core.behind


def community(core: Core, guild_id: int, revision_id: int, number: int) -> None:
    """The community's transaction alone."""

    def act() -> tuple[Outcome | None, int | None]:
        ruling = Ruling(Decision.APPROVE)
        outcome = core.store.decisions.decide(guild_id, revision_id, MODERATOR, ruling)
        core.store.inbox.taken(number)
        return outcome, revision_id

    outcome = core.store.handled.once(guild_id, [2 * number + 1], act, lambda _: None)
    assert outcome is not None
    assert outcome.live_changed


def index(core: Core, guild_id: int, revision_id: int, number: int) -> None:
    """The index alone: what was approved is put into it with its vectors."""
    text = TEXT.format(number=number)
    document = Document(f"note:{number}", Scope(guild_id), Kind.NOTE, f"Ferry {number}", text)
    put(core.index, core.embedder, document)


PARTS: Final[dict[str, Decide]] = {"both": both, "community": community, "index": index}


def write(
    place: tuple[Path, str],
    part: str,
    own: Sequence[tuple[int, int, int]],
    together: Barrier,
    times: "Queue[tuple[float, float]]",
) -> None:
    core = hurried(opened(*place))
    together.wait()
    started = time.monotonic()
    for guild_id, revision_id, number in own:
        PARTS[part](core, guild_id, revision_id, number)
    times.put((started, time.monotonic()))
    at_leisure()
    core.close()


def rate(
    place: tuple[Path, str], part: str, notes: Sequence[tuple[int, int, int]], writers: int
) -> float:
    """How many a second, from the first one's beginning to the last one's end."""
    context = multiprocessing.get_context("fork")
    together, times = context.Barrier(writers), context.Queue()
    processes = [
        context.Process(target=write, args=(place, part, notes[each::writers], together, times))
        for each in range(writers)
    ]
    for process in processes:
        process.start()
    found = [times.get() for _ in processes]
    for process in processes:
        process.join()
    seconds: float = max(end for _, end in found) - min(start for start, _ in found)
    return len(notes) / seconds


def turns(
    place: tuple[Path, str], guilds: int, notes: int, writers: int, turns: int
) -> Iterator[tuple[str, float]]:
    number = 0
    for _ in range(turns):
        for part in PARTS:
            core = opened(*place)
            dealt = []
            for _ in range(notes):
                number += 1
                guild_id = 1_000 + number % guilds
                revision_id = submitted(core, guild_id, number) if part != "index" else 0
                dealt.append((guild_id, revision_id, number))
            core.close()
            yield part, rate(place, part, dealt, writers)


def answered_elsewhere(place: tuple[Path, str], guilds: int, notes: int) -> list[float]:
    """Milliseconds from a decision in one process until another has answered from the note."""
    here, there = hurried(opened(*place)), hurried(opened(*place))
    taken = []
    for number in range(notes):
        guild_id = 1_000 + number % guilds
        name = f"quokka{number}"
        revision_id = submitted(here, guild_id, 30_000_000 + number, name)
        both(here, guild_id, revision_id, 30_000_000 + number)
        started = time.perf_counter()
        [reply] = there.answer_pipeline.ask([Ask(f"Where is the {name}?", 1, guild_id)])
        taken.append((time.perf_counter() - started) * 1e3)
        assert name in reply.hits[0].passage.text
    here.close()
    there.close()
    at_leisure()
    return taken


def write_and_decide(place: tuple[Path, str], guilds: int, own: Sequence[int]) -> None:
    core = opened(*place)
    for number in own:
        guild_id = 1_000 + number % guilds
        both(core, guild_id, submitted(core, guild_id, number), number)
    core.close()


def follow(
    place: tuple[Path, str], guilds: int, done: Event, told: "Queue[tuple[int, int]]"
) -> None:
    """Ask for what is new in every guild until the writers have ended, and compare."""
    core, rounds = opened(*place), 0
    lines: dict[int, list[int]] = {1_000 + number: [] for number in range(guilds)}
    ended = False
    while not ended:
        ended, rounds = done.is_set(), rounds + 1
        for guild_id, seen in lines.items():
            sql = "select number from log where guild_id = ? and number > ? order by number"
            rows = core.store.database.rows(sql, [guild_id, seen[-1] if seen else 0])
            seen += [row["number"] for row in rows]
            core.index.postings([Scope(guild_id)])
    missed = 0
    for guild_id, seen in lines.items():
        sql = "select number from log where guild_id = ? order by number"
        missed += len(
            {row["number"] for row in core.store.database.rows(sql, [guild_id])} ^ {*seen}
        )
        held = {key for one in core.index.postings([Scope(guild_id)]) for key in one.ids.tolist()}
        sql = "select id from passages where scope = ?"
        missed += len({key for [key] in core.index.tables.db.rows(sql, [guild_id])} ^ held)
    core.close()
    told.put((rounds, missed))


def followed(place: tuple[Path, str], guilds: int, notes: int, writers: int) -> str:
    context = multiprocessing.get_context("fork")
    done, told = context.Event(), context.Queue()
    following = [
        context.Process(target=follow, args=(place, guilds, done, told)) for _ in range(FOLLOWERS)
    ]
    writing = [
        context.Process(
            target=write_and_decide,
            args=(place, guilds, range(40_000_000 + each, 40_000_000 + notes, writers)),
        )
        for each in range(writers)
    ]
    seconds, rounds, missed = told_by_followers(following, writing, done, told)
    return (
        f"{notes * 3:,} commits of {writers} processes in {seconds:.0f} s, two of the community "
        f"and one of the index for each note; {FOLLOWERS} followers asked "
        f"{rounds * guilds:,} times; missed: {missed}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guilds", type=int, default=200)
    parser.add_argument("--notes", type=int, default=2_000)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--followed", type=int, default=3_400)
    parser.add_argument("--real-time", action="store_true")
    options = parser.parse_args()
    if options.real_time:
        os.environ[REAL_TIME] = "yes"
    with tempfile.TemporaryDirectory() as folder, database() as url:
        place = (Path(folder) / "data", url)
        opened(*place).close()
        sizes = (options.notes, options.writers, options.turns)
        for part, found in turns(place, options.guilds, *sizes):
            print(f"{part}: {found:.0f} a second")
        print(
            f"decided, then answered from elsewhere: "
            f"{percentiles(answered_elsewhere(place, options.guilds, 200))}"
        )
        print(followed(place, options.guilds, options.followed, options.writers))


if __name__ == "__main__":
    main()

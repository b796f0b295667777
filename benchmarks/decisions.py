"""Decisions a second: notes of many guilds, approved by many processes on one PostgreSQL.

    python -m benchmarks.decisions [--guilds 200] [--writers 8] [--notes 2000] [--turns 3]

A decision is what a click on *Approve* does: the transaction of the community, and the note's
passages with their vectors in the index. Both are measured together, and each alone. Each process
has a core of its own, and writes for all guilds. The server is one of this run's own, which keeps
what is committed (`fsync` on); vectors have 384 numbers and come from a stand-in for the model.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

from benchmarks.index_databases import database
from bot.config import Settings
from bot.config_sections import DataSettings
from bot.engine.core import Core
from bot.review import service
from indexer.ingest.pipeline import put
from knowledge.model.documents import Document, Kind, Scope
from knowledge.model.notes import Decision, Member, Outcome
from knowledge.model.submissions import Submission
from knowledge.store.notes.decisions import Ruling
from tests.fakes import WordEmbedder

DIMENSION: Final = 384
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


def submitted(core: Core, guild_id: int, number: int) -> int:
    submission = Submission(f"Ferry {number}", TEXT.format(number=number))

    def propose() -> Outcome:
        return core.store.contributions.propose(guild_id, CONTRIBUTOR, 5, submission)

    return service.taken(core, guild_id, 10_000_000 + number, propose).note.revision.id


def both(core: Core, guild_id: int, revision_id: int, number: int) -> None:
    """What a click does."""
    ruling = Ruling(Decision.APPROVE)
    outcome = service.decide(core, guild_id, revision_id, MODERATOR, ruling, 20_000_000 + number)
    assert outcome is not None
    assert outcome.live_changed
    assert not core.behind


def community(core: Core, guild_id: int, revision_id: int, number: int) -> None:
    """The community's transaction alone."""

    def act() -> tuple[Outcome | None, int | None]:
        ruling = Ruling(Decision.APPROVE)
        outcome = core.store.decisions.decide(guild_id, revision_id, MODERATOR, ruling)
        core.store.submitted_forms.taken(number)
        return outcome, revision_id

    outcome = core.store.handled.once(guild_id, [20_000_000 + number], act, lambda _: None)
    assert outcome is not None
    assert outcome.live_changed


def index(core: Core, guild_id: int, revision_id: int, number: int) -> None:
    """The index alone: what was approved is put into it with its vectors."""
    text = TEXT.format(number=number)
    document = Document(f"note:{number}", Scope(guild_id), Kind.NOTE, f"Ferry {number}", text)
    put(core.index, core.embedder, document)


PARTS: Final[dict[str, Decide]] = {"both": both, "community": community, "index": index}


def write(
    place: tuple[Path, str], part: str, own: Sequence[tuple[int, int, int]], together: Barrier
) -> None:
    core = opened(*place)
    together.wait()
    for guild_id, revision_id, number in own:
        PARTS[part](core, guild_id, revision_id, number)
    together.wait()
    core.close()


def rate(
    place: tuple[Path, str],
    part: str,
    notes: Sequence[tuple[int, int, int]],
    writers: int,
) -> float:
    """How many a second."""
    context = multiprocessing.get_context("fork")
    together = context.Barrier(writers + 1)
    processes = [
        context.Process(target=write, args=(place, part, notes[each::writers], together))
        for each in range(writers)
    ]
    for process in processes:
        process.start()
    together.wait()
    started = time.perf_counter()
    together.wait()
    seconds = time.perf_counter() - started
    for process in processes:
        process.join()
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guilds", type=int, default=200)
    parser.add_argument("--notes", type=int, default=2_000)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database() as url:
        place = (Path(folder) / "data", url)
        opened(*place).close()
        for part, found in turns(
            place, options.guilds, options.notes, options.writers, options.turns
        ):
            print(f"{part}: {found:.0f} a second")


if __name__ == "__main__":
    main()

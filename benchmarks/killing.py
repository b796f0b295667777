"""Kill the program in the middle of its work, start it again, and count losses and doubles.

    python -m benchmarks.killing --kills 200        # at random moments
    python -m benchmarks.killing --boundaries 60    # before every write, at most so many a kind

Each time, one process works on a fresh copy of a data folder and ends by SIGKILL. Another one opens
the rest, checks all of it, does the work again and checks once more. Boundaries are found below our
code: SQLite reports each statement, Python each file that is renamed, linked or removed. The
embedder is the tests' bag of words.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import build, run_to_end
from bot.models.serving_model import delete_leftover_indexes, open_successor, switch_to
from bot.privacy import service
from bot.review import service as review_service
from bot.sources import channel_sync_steps
from bot.storage.data_folder import COMMUNITY
from indexer.embedding.model_records import ModelRecord, RecordedModel
from indexer.index.written_documents import document_digest
from indexer.text.passages import passages
from knowledge import corpus
from knowledge.backup import backups
from knowledge.backup.backups import BackupError
from knowledge.backup.exporter import export
from knowledge.backup.importer import import_folder
from knowledge.discord_archive.archive import ProgressMessage
from knowledge.sources.addition import add_paths
from knowledge.store.audit_log import replay
from knowledge.store.database import StoreError
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import Document, Kind
from knowledge.values.guilds import SyncedChannel, SyncedContent, every_guild
from knowledge.values.notes import Decision, Member, State
from knowledge.values.questions import Evidence, Question
from knowledge.values.submissions import Submission
from tests.bot.sync_driver import Server, SyncDriver
from tests.fakes import SaltedEmbedder, WordEmbedder

GUILD, OTHER = 10, 11
MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")
LIVE, PENDING = 1, 2
AT: Final = datetime(2026, 3, 4, tzinfo=UTC)
GUIDES: Final = 12
OTHER_MODEL: Final = "another model"
FORUM, THREADS, MESSAGES = 77, 4, 5

# The kinds of writes; reading has no boundary.
_WRITES: Final = ("begin", "commit", "release", "insert", "update", "delete", "create", "pragma j")
_EVENTS: Final = frozenset({"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir"})


def models(record: ModelRecord) -> RecordedModel:
    """The tests' bag of words, and another one with places of its own for each word."""
    made = SaltedEmbedder(OTHER_MODEL, 96) if record.name == OTHER_MODEL else WordEmbedder(64)
    return RecordedModel(made, replace(record, vectors=made.model))


@dataclass(frozen=True)
class Place:
    """The data folder of one trial, and its neighbours."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def database(self) -> Path:
        return self.data / COMMUNITY

    def core(self) -> Core:
        return Core(Settings(data=DataSettings(folder=self.data)), opener=models)

    def store(self) -> Store:
        return Store(self.database)


def prepare(place: Place) -> None:
    """A data folder with a live note, a pending one, an older backup and an export."""
    with place.core() as core:
        for guild_id in (GUILD, GUILD, OTHER):
            written = Submission("Hours", f"The lantern of {guild_id} is lit at dusk.")
            note = review_service.update_index(
                core, core.store.contributions.propose(guild_id, MIRA, 5, written)
            ).note
            if note.id != PENDING:
                approve_revision(core, note.revision.id, guild_id)
        asked = Question(0, GUILD, 5, MIRA.id, "when is it lit?", Evidence.NONE, AT, 1)
        core.store.question_records.record([asked])
        core.store.guilds.leave(OTHER, AT)
        run_to_end(index_updates.update_quickly(core))
        index_updates.complete_update(core)
    backups.back_up(place.database, place.root / "old.db")
    with place.core() as core:
        review_service.update_index(
            core,
            core.store.contributions.propose(
                GUILD, MIRA, 5, Submission("Later", "After the backup.")
            ),
        )
        export(core.store.database, place.root / "exported")
    guides = place.root / "guides"
    guides.mkdir()
    for number in range(GUIDES):
        (guides / f"{number}.md").write_text(
            f"# Guide {number}\n\nThe quokka has number {number}.\n"
        )


def approve_revision(core: Core, revision_id: int, guild_id: int = GUILD) -> None:
    review_service.decide(core, guild_id, revision_id, ADA, Ruling(Decision.APPROVE))


# The operations, and the conditions after them.


def approve(place: Place) -> None:
    with place.core() as core:
        approve_revision(core, PENDING)


def check_approval(place: Place, *, again: bool) -> Iterator[str]:
    with place.core() as core:
        done = core.store.notes.of_revision(PENDING).revision.state is State.APPROVED
        lines = [e for e in core.store.audit_log.entries() if e.event == "approved"]
        here = [e for e in lines if f'"revision": {PENDING}' in e.detail]
        told = [n for n in core.store.notices.queue() if n.revision_id == PENDING]
        reviews = core.store.notes.of_revision(PENDING).reviews
    if not len(here) == len(told) == len(reviews) == int(done):
        yield f"approval: {len(here)} lines, {len(told)} notices, {len(reviews)} reviews"
    if again and not done:
        yield "approval lost"


def index(place: Place) -> None:
    with place.core() as core:
        add_paths(core.store, [place.root / "guides"])
        run_to_end(index_updates.update(core))
        index_updates.complete_update(core)


def check_index(place: Place, *, again: bool) -> Iterator[str]:
    with place.core() as core:
        found = len(core.index.tables.document_digests({Kind.FILE}))
    if found not in ((GUIDES,) if again else range(GUIDES + 1)):
        yield f"{found} guides are indexed"


def backup(place: Place) -> None:
    backups.back_up(place.database, place.root / "backup.db")


def check_backup(place: Place, *, again: bool) -> Iterator[str]:
    path = place.root / "backup.db"
    if not again and not path.exists():
        return
    try:
        backups.verify(path)
    except BackupError as error:
        yield str(error)


def restore(place: Place) -> None:
    backups.restore(place.root / "old.db", place.database, datetime.now(UTC))


def check_restore(place: Place, *, again: bool) -> Iterator[str]:
    with place.store() as store:
        notes = store.database.rows("select count(*) as n from notes")[0]["n"]
        back = any(entry.event == "restored" for entry in store.audit_log.entries())
    if notes != (3 if back else 4) or (again and not back):
        yield f"{notes} notes after a restore that is{'' if back else ' not'} in the log"


def write_export(place: Place) -> None:
    with place.store() as store:
        export(store.database, place.root / "exporting")


def check_export(place: Place, *, again: bool) -> Iterator[str]:
    folder, expected = place.root / "exporting", place.root / "exported"
    complete = False
    if (folder / "commonplace.json").exists():
        complete = json.loads((folder / "commonplace.json").read_text())["complete"]
    if complete and content(folder) != content(expected):
        yield "an export says that it is complete and is not"
    if again and not complete:
        yield "the export is not complete"


def content(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".part")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def take_in(place: Place) -> None:
    (place.root / "new").mkdir(exist_ok=True)
    with Store(place.root / "new" / COMMUNITY) as store:
        import_folder(store, place.root / "exported")


def check_import(place: Place, *, again: bool) -> Iterator[str]:
    path = place.root / "new" / COMMUNITY
    if not path.exists():
        return
    with Store(path) as store:
        counted = store.database.rows(
            "select (select count(*) from notes) as notes, (select count(*) from log) as lines, "
            "(select count(*) from questions) as questions"
        )[0]
        problem = store.database.integrity_problem()
    with place.store() as store:
        # And the import's line in the log.
        whole = {"notes": 4, "lines": len(store.audit_log.entries()) + 1, "questions": 1}
    nothing = dict.fromkeys(whole, 0)
    if problem or counted not in ([whole] if again else [whole, nothing]):
        yield f"import: {counted} {problem}"


def forget(place: Place) -> None:
    with place.core() as core:
        core.store.personal_data.forget(MIRA.id, withdraw=True)


def check_erasure(place: Place, *, again: bool) -> Iterator[str]:
    with place.store() as store:
        stored = store.personal_data.summary(MIRA.id, None)
        # Their opting out of quotation is kept.
        left = sum(rows.everywhere for kind, rows in stored.items() if kind != "preferences")
        buried = len(store.tombstones.in_file())
    if (again and left) or (not left and not buried):
        yield f"{left} rows of a member who was forgotten, {buried} tombstones"


def purge(place: Place) -> None:
    with place.core() as core:
        service.purge_former_guilds(core, [GUILD], every_guild, datetime.now(UTC), timedelta())


def check_purge(place: Place, *, again: bool) -> Iterator[str]:
    with place.store() as store:
        notes = store.database.rows("select 1 from notes where guild_id = ?", [OTHER])
        known = OTHER in store.guilds.known()
    if bool(notes) is not known or (again and notes):
        yield f"{len(notes)} notes of a guild that is {'' if known else 'not '}known"


def read(place: Place) -> None:
    """Read a forum as the bot does, without Discord: the same threads each time."""
    server = Server(FORUM)
    for _ in range(THREADS):
        thread, _ = server.begin()
        for _ in range(MESSAGES - 1):
            server.write(thread.id)
    with place.core() as core:
        forum = SyncedChannel(FORUM, FORUM, SyncedContent.THREADS, AT)
        channel_sync_steps.add(core, forum, "forum", ADA.id, AT, ProgressMessage())
        driver = SyncDriver(core, server)
        driver.turn_off()
        driver.finish()


def check_sync(place: Place, *, again: bool) -> Iterator[str]:
    with place.core() as core:
        run_to_end(index_updates.check_channels(core))
        found = len(core.index.tables.document_digests({Kind.CHANNEL}))
        kept = core.archive.tables.rows("select count(*) as n from messages")[0]["n"]
    whole = (THREADS, THREADS * MESSAGES)
    if (found, kept) > whole or (again and (found, kept) != whole):
        yield f"{found} threads and {kept} messages were read"


def use_model(place: Place) -> None:
    """Build the index of another model and let it serve, as `commonplace model use` does."""
    with place.core() as core:
        if core.served.model.name == OTHER_MODEL:
            return
        add_paths(core.store, [place.root / "guides"])
        found = open_successor(core.folder, models(ModelRecord(OTHER_MODEL)))
        with found.index as index:
            run_to_end(build(core, index, found.embedder))
            index.save_snapshots()
        switch_to(core.folder, core.configured, found.served)
        delete_leftover_indexes(core.folder)


def check_model(place: Place, *, again: bool) -> Iterator[str]:
    """Check that the serving index is whole, with vectors of its own model only."""
    with place.core() as core:
        name, index, embedder = core.served.model.name, core.index, core.embedder
        if again and name != OTHER_MODEL:
            yield f"{name} serves"
        for found in corpus.documents(core.store):
            if not isinstance(found, Document):
                continue
            cut = list(passages(found, embedder.count_tokens, embedder.max_tokens))
            stored = index.document_passages(found.id)
            own = index.own_vectors([passage.id for passage in stored])
            wanted = embedder.embed_passages([passage.embedded for passage in cut])
            have = [
                np.frombuffer(own[passage.id], np.float32)[: embedder.dimension]
                for passage in stored
            ]
            if len(cut) != len(have) or not np.allclose(wanted, have, atol=1e-3):
                yield f"{found.id} has not the vectors of {name}"


# Each with its check.
OPERATIONS: Final[Mapping[str, tuple[Callable[[Place], None], Callable[..., Iterator[str]]]]] = {
    "approve": (approve, check_approval),
    "index": (index, check_index),
    "backup": (backup, check_backup),
    "restore": (restore, check_restore),
    "export": (write_export, check_export),
    "import": (take_in, check_import),
    "forget": (forget, check_erasure),
    "purge": (purge, check_purge),
    "read": (read, check_sync),
    "model": (use_model, check_model),
}


def problems_after(name: str, place: Place) -> list[str]:
    """Check an interrupted operation, do it again, and check once more."""
    do, check = OPERATIONS[name]
    found = [*check_folder(place), *check(place, again=False)]
    try:
        do(place)
    except StoreError as error:
        found.append(f"done again: {error}")
    return [*found, *check_folder(place), *check(place, again=True)]


def check_folder(place: Place) -> Iterator[str]:
    """Faults of a data folder after any operation."""
    with place.core() as core:
        run_to_end(index_updates.update_quickly(core))
        run_to_end(index_updates.check_channels(core))
        run_to_end(index_updates.update_files(core))
        store = core.store
        if problem := store.database.integrity_problem():
            yield problem
        wanted = {
            found.id: document_digest(found)
            for found in corpus.documents(store, archive=core.archive)
            if isinstance(found, Document)
        }
        have = core.index.tables.document_digests(set(Kind))
        if wanted != have:
            yield f"the index is not the corpus: {sorted(wanted.items() ^ have.items())[:3]}"
        for note_id, standing in replay(store.audit_log.entries()).items():
            for note in store.notes.history(standing.guild_id, note_id):
                if standing.states.get(note.revision.id) is not note.revision.state:
                    yield f"note {note_id} is not what the log says"


# Dying.


def die_at(number: int) -> Callable[[], int]:
    """End this process by SIGKILL before its n-th write; returns the counter of writes."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def trace(statement: str) -> None:
        if statement.lstrip().lower().startswith(_WRITES):
            step()

    connect = sqlite3.connect

    def connect_and_trace(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(trace)
        return connection

    sqlite3.connect = connect_and_trace  # type: ignore[assignment]
    sys.addaudithook(lambda event, _: step() if event in _EVENTS else None)
    return lambda: count


def in_a_process(work: Callable[[], object], seconds: float | None = None) -> tuple[bool, str]:
    """Run something in a process of its own, killed after some time if one is given.

    Returns:
        Whether it was killed, and its output.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            said = work()
        except BaseException as error:  # noqa: BLE001 - it is told to the parent
            said = [f"{type(error).__name__}: {error}"]
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status), said


def trial(base: Place, name: str, number: int = 0, seconds: float | None = None) -> list[str]:
    """Kill one operation, check, repeat it, check; returns the faults, or that it ended."""
    with tempfile.TemporaryDirectory(prefix="commonplace-killing-") as folder:
        place = Place(Path(folder) / "trial")
        shutil.copytree(base.root, place.root)

        def work() -> object:
            if number:
                die_at(number)
            OPERATIONS[name][0](place)
            return []

        killed, said = in_a_process(work, seconds)
        if said not in ("", "[]"):
            return [f"{name}: {said}"]
        _, found = in_a_process(lambda: problems_after(name, place))
        problems: list[str] = json.loads(found or '["the process that looked was killed"]')
        return [*problems, *([] if killed else ["ended before"])]


def measure(base: Place, name: str) -> tuple[int, float]:
    """How many boundaries an operation has, and how long it takes."""
    with tempfile.TemporaryDirectory(prefix="commonplace-killing-") as folder:
        place = Place(Path(folder) / "trial")
        shutil.copytree(base.root, place.root)

        def work() -> object:
            counted = die_at(0)
            started = time.monotonic()
            OPERATIONS[name][0](place)
            return [counted(), time.monotonic() - started]

        _, said = in_a_process(work)
    boundaries, seconds = json.loads(said)
    return boundaries, seconds


def moments(
    base: Place, names: list[str], arguments: argparse.Namespace
) -> Iterator[tuple[str, int, float | None]]:
    """The operations to kill, with their moments: a boundary's number, or seconds."""
    figures = {name: measure(base, name) for name in names}
    if arguments.boundaries:
        for name, (boundaries, _) in figures.items():
            step = max(1, -(-boundaries // arguments.boundaries))
            yield from ((name, number, None) for number in range(1, boundaries + 1, step))
        return
    chance = random.Random(arguments.seed)  # noqa: S311 - moments, not secrets
    for name in itertools.cycle(names):
        yield name, 0, chance.uniform(0, figures[name][1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--boundaries", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=OPERATIONS, nargs="*", default=list(OPERATIONS))
    arguments = parser.parse_args()
    killed: Counter[str] = Counter()
    problems: list[str] = []
    tried = 0
    with tempfile.TemporaryDirectory(prefix="commonplace-killing-") as folder:
        base = Place(Path(folder) / "base")
        base.root.mkdir()
        _, said = in_a_process(lambda: prepare(base))
        assert said == "null", said
        for name, number, seconds in moments(base, arguments.only, arguments):
            found = trial(base, name, number, seconds)
            killed[name] += "ended before" not in found
            tried += 1
            wrong = [problem for problem in found if problem != "ended before"]
            problems += [f"{name} at {number or seconds}: {problem}" for problem in wrong]
            if not arguments.boundaries and killed.total() >= arguments.kills:
                break
    print("| operation | killed |")
    print("|---|---|")
    for name in arguments.only:
        print(f"| {name} | {killed[name]} |")
    print(f"\n{killed.total()} kills in {tried} trials, {len(problems)} losses or doubles.")
    print("\n".join(problems))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

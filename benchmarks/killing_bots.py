"""Kill, pause and cut off real processes of a bot in use, and count losses and doubles.

    python -m benchmarks.killing_bots --kills 200
    python -m benchmarks.killing_bots --stops 4 [--seconds 30]
    python -m benchmarks.killing_bots --cuts 50
    python -m benchmarks.killing_bots --restarts 20
    python -m benchmarks.killing_bots --upgrade COMMIT
    python -m benchmarks.killing_bots --kills 10 --lease 12 --life 60

Three processes share the shards of four servers of a strict Discord on this machine. In each server
a member proposes notes and withdraws some, a moderator approves and rejects others by button and
form, and somebody asks once a second. The faults:

- `--kills`: SIGKILL at random moments, right before a commit, or right after one
- `--stops`: pauses, of the leader and other holders of shards in turns
- `--cuts`: connections to PostgreSQL cut by TCP around a commit, or its answer late or lost
- `--restarts`: an immediate restart of the server every five seconds
- `--upgrade`: processes of an earlier commit, replaced one by one by this one's

In the end, every reply to people is on record once and was posted once. No server was
marked as left, and no process has written between two memberships. The run prints the time without
a leader, and the time until a dead process's servers were answered again.
"""

import argparse
import asyncio
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Final

from benchmarks.bot_scene import STEP, Ears, Scene, log_problems, people_problems, scene_of
from benchmarks.killing_processes import durable
from tests.bot.launcher import ROOT
from tests.postgres_cuts import Cut, cutting_socket

# Seconds to wait at most for the end of people's actions.
ENDING: Final = 300.0
# So many notes of a server are under way at once.
AT_ONCE: Final = 2

Trial = Callable[[Scene], Awaitable[str]]


# The faults.


def kills(number: int, life: float) -> Trial:
    async def trial(scene: Scene) -> str:
        bots = scene.bots
        await scene.until_answered()
        for living in bots.lives:
            living.until = time.monotonic() + scene.chance.uniform(0, life)
        while bots.ended.total() < number:
            await bots.keep(dying=life)
            await asyncio.sleep(STEP)
        for living in bots.lives:
            living.until = math.inf
        return f"{bots.ended.total()} kills: {dict(bots.ended)}"

    return trial


def stops(number: int, seconds: float) -> Trial:
    async def trial(scene: Scene) -> str:
        bots, stood = scene.bots, Counter[str]()
        await scene.until_answered()
        for turn in range(number):
            leader = scene.watch.leader()
            wanted = [
                running for running in bots.lives if (running.name == leader) == (turn % 2 == 0)
            ]
            life = scene.chance.choice(wanted or bots.lives)
            stood["the leader" if life.name == leader else "another"] += 1
            for shard in scene.watch.shards_of(life.name):
                bots.bereft[shard] = time.monotonic()
            life.process.send_signal(SIGSTOP)
            await scene.keep_going(seconds)
            life.process.send_signal(SIGCONT)
            await scene.keep_going(15)
        return f"{number} times a process stood still for {seconds:.0f} s: {dict(stood)}"

    return trial


def cuts(number: int) -> Trial:
    async def trial(scene: Scene) -> str:
        assert scene.cutting is not None
        done: Counter[str] = Counter()
        await scene.until_answered()
        kinds = [Cut.BEFORE, Cut.AFTER, Cut.AFTER, Cut.AFTER_STATEMENT, Cut.UNHEARD, Cut.LATE]
        while scene.cutting.done < number:
            before, kind = scene.cutting.done, scene.chance.choice(kinds)
            scene.cutting.cut(kind)
            await scene.keep_going(scene.chance.uniform(0.5, 2))
            done[kind.name.lower()] += scene.cutting.done - before
        return f"{scene.cutting.done} cuts of connections by TCP: {dict(done)}"

    return trial


def restarts(number: int) -> Trial:
    async def trial(scene: Scene) -> str:
        await scene.until_answered()
        for _ in range(number):
            await asyncio.to_thread(scene.postgres.stop)
            await asyncio.to_thread(scene.postgres.start)
            await scene.keep_going(5)
        ended = dict(scene.bots.ended)
        return f"{number} restarts (-m immediate), one each 5 s; processes that ended: {ended}"

    return trial


def upgrade(commit: str) -> Trial:
    async def trial(scene: Scene) -> str:
        bots = scene.bots
        await scene.until_answered()
        bots.root = ROOT
        older = [*bots.lives]
        for life in older:
            await scene.keep_going(20)
            life.how = "replaced"
            life.process.terminate()
            while life in bots.lives:
                await scene.keep_going(STEP)
        await scene.keep_going(20)
        return f"{len(older)} processes of {commit} replaced one by one: {dict(bots.ended)}"

    return trial


async def hold(scene: Scene, trial: Trial, settling: float) -> list[str]:
    """Run a trial while people go on, then let them finish; returns the faults."""
    going, answered = True, list[float]()
    bots, tasks = scene.bots, asyncio.TaskGroup()

    def hear(shard: int, asked: float) -> None:
        since = bots.bereft.get(shard)
        if since is not None and asked > since:
            answered.append(time.monotonic() - since)
            del bots.bereft[shard]

    async with tasks:
        beside = [tasks.create_task(bots.time_leading())]
        beside += [tasks.create_task(community.ask()) for community in scene.communities]
        beside += [tasks.create_task(Ears(scene.server, scene.communities).listen(hear))]
        notes = [
            tasks.create_task(community.go_on(lambda: going))
            for community in scene.communities * AT_ONCE
        ]
        print(await trial(scene))
        going = False
        end = time.monotonic() + ENDING
        while time.monotonic() < end and not all(task.done() for task in notes):
            await scene.keep_going(1)
        await scene.keep_going(settling)
        for task in [*beside, *notes]:
            task.cancel()
    wishes = [wish for community in scene.communities for wish in community.wishes]
    wanted = Counter(wish.wanted for wish in wishes)
    questions = sum(len(community.asked) for community in scene.communities)
    replied = sum(len(community.replies) for community in scene.communities)
    attempts = sum((wish.attempts for wish in wishes), Counter[str]())
    print(f"{len(wishes)} notes: {dict(wanted)}; attempts: {dict(attempts)}")
    print(f"{questions} questions, {replied} answered")
    print(_seconds("nobody led for", bots.leading))
    print(_seconds("a server whose process had died was answered after", answered))
    if bots.bereft:
        print(f"never answered again: {sorted(bots.bereft)}")
    return [*people_problems(scene), *(f"shard {shard} is not answered" for shard in bots.bereft)]


def _seconds(what: str, seconds: list[float]) -> str:
    if not seconds:
        return f"{what}: never"
    return (
        f"{what}: median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s "
        f"({len(seconds)} times)"
    )


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Another commit beside this one; this one without any."""
    if not commit:
        yield ROOT
        return
    with tempfile.TemporaryDirectory(prefix="commit-") as name:
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", name, commit], check=True)  # noqa: S603 - a commit
        try:
            yield Path(name)
        finally:
            subprocess.run([*git, "remove", "--force", name], check=True)  # noqa: S603


async def run(trial: Trial, asked: argparse.Namespace, *, cut: bool, commit: str = "") -> list[str]:
    with (
        tempfile.TemporaryDirectory(prefix="bots-") as name,
        durable() as postgres,
        checkout(commit) as root,
    ):
        folder = Path(name)
        with cutting_socket(postgres.folder, by_port=True) if cut else nullcontext() as cutting:
            async with scene_of(postgres, folder, asked, cutting, root) as scene:
                found = await hold(scene, trial, asked.settle)
                url = scene.watch.url
                for life in scene.bots.lives:
                    life.process.kill()
                errors = list(scene.bots.errors())
        found += log_problems(folder, url)
        print(f"{len(errors)} unexpected errors in logs", *errors[:5], sep="\n")
    print(f"{len(found)} lost, double or told wrongly", *found[:30], sep="\n", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--stops", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=0)
    parser.add_argument("--restarts", type=int, default=0)
    parser.add_argument("--upgrade", default="", help="the commit that was there before")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--life", type=float, default=20, help="seconds of one killed at random")
    parser.add_argument("--lease", type=float, default=3, help="how long leases last, in seconds")
    parser.add_argument("--settle", type=float, default=20, help="seconds after the last of it")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    trials = {
        "kills": kills(asked.kills, asked.life),
        "stops": stops(asked.stops, asked.seconds),
        "cuts": cuts(asked.cuts),
        "restarts": restarts(asked.restarts),
        "upgrade": upgrade(asked.upgrade),
    }
    wrong = 0
    for name, trial in trials.items():
        if getattr(asked, name):
            wrong += len(
                asyncio.run(
                    run(
                        trial,
                        asked,
                        cut=name == "cuts",
                        commit=asked.upgrade if name == "upgrade" else "",
                    )
                )
            )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

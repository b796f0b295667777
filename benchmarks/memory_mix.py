"""Memory of a bot in use for hours: its process against a strict Discord on this machine.

    python -m benchmarks.memory_mix 120                two hours, three operations a second
    python -m benchmarks.memory_mix 20 --rate 6 --objects

A line a minute: operations so far, resident memory, the allocator's used and free memory, Python
objects, threads, open files. The default model answers. The mix:
questions by command and mention, follow-ups, verdicts, notes from form to approval and withdrawal,
`/search`, `/gaps`, `/stats` with its picture, the panel of `/setup`, lists, typing; beside it a
folder whose file changes, and a public page that is published after each decision.

The number of live notes stays at 40, so that growth is not the community's. With `--objects`, the
growth of each type since a fifth of the time is printed.
"""

import argparse
import asyncio
import ctypes
import gc
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any, Final

import discord.gateway
import discord.http
import yarl

from bot.config.sections import SourceSettings
from bot.storage.data_folder import data_folder, open_store
from knowledge import corpus
from knowledge.values.documents import Document, Scope
from knowledge.values.settings import GuildSettings
from tests.bot.discord_server import ROOT, TOKEN
from tests.bot.wire.people import Person, labels
from tests.bot.wire.server import WireServer, wire_server
from tests.bot.wire.state import APPLICATION, Interaction, Json

ASKERS: Final = 60
# The share of questions on an article.
ANSWERED: Final = 0.6
LIVE_NOTES: Final = 40
REJECTED: Final = 0.2
FILE_SECONDS: Final = 20
LOOK_SECONDS: Final = 5
PATIENCE: Final = 30.0
_POLL: Final = 0.05
# Messages and interactions in the fake Discord's memory.
_REMEMBERED: Final = 3_000
# Questions that differ; members ask them again and again.
QUESTIONS: Final = 1_500
_WEIGHTS: Final = {
    "ask": 12,
    "mention": 12,
    "follow_up": 6,
    "verdict": 8,
    "note": 1,
    "search": 6,
    "gaps": 2,
    "stats": 2,
    "setup": 3,
    "lists": 3,
    "typing": 6,
}


class Mix:
    """People of one server and their operations."""

    def __init__(self, server: WireServer, seed: int) -> None:
        self._server = server
        self._chance = random.Random(seed)  # noqa: S311 - actions, not secrets
        self._askers = [server.person(f"Asker {number}") for number in range(ASKERS)]
        articles = [found for found in corpus.articles() if isinstance(found, Document)]
        words = (word for article in articles for word in article.text.split())
        self._words = sorted({word for word in words if word.isalpha()})
        self._titles = [article.title for article in articles]
        self._questions = [self._new_question() for _ in range(QUESTIONS)]
        self._answers: list[Json] = []
        self._live: list[str] = []
        self._notes = 0
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def next(self) -> tuple[str, Awaitable[None]]:
        [name] = self._chance.choices([*_WEIGHTS], [*_WEIGHTS.values()])
        return name, getattr(self, f"_{name}")()

    async def run(self, name: str, act: Awaitable[None]) -> None:
        """Do an operation; failures are counted, because a busy bot refuses some."""
        try:
            async with asyncio.timeout(PATIENCE):
                await act
            self.done[name] += 1
        except (AssertionError, KeyError, IndexError, TimeoutError, ValueError) as error:
            self.failed[f"{name}: {error!r:.80}"] += 1

    def forget(self) -> None:
        """Keep the fake Discord's own memory small: its messages and interactions."""
        state = self._server.state
        for message_id in [*state.messages][:-_REMEMBERED]:
            del state.messages[message_id]
        for token in [*state.interactions][:-_REMEMBERED]:
            del state.interactions[token]
        state.files.clear()

    # Acts.

    @property
    def _asker(self) -> Person:
        return self._chance.choice(self._askers)

    def question(self) -> str:
        return self._chance.choice(self._questions)

    def _new_question(self) -> str:
        """About an article, or about nothing."""
        about = self._chance.choice(self._titles) if self._chance.random() < ANSWERED else ""
        return f"What is {' '.join(self._chance.sample(self._words, 2))} {about}?"

    async def _ask(self) -> None:
        sent = await self._asker.slash(self._server.general, "ask", question=self.question())
        self._remember(await self._server.answered(sent))

    async def _mention(self) -> None:
        said = await self._asker.say(self._server.general, f"<@{APPLICATION}> {self.question()}")
        self._remember(await self._reply(said))

    async def _follow_up(self) -> None:
        answer = self._chance.choice(self._answers)
        said = await self._asker.say(self._server.general, self.question(), to=answer)
        self._remember(await self._reply(said))

    def _remember(self, answer: Json) -> None:
        self._answers = [*self._answers[-20:], answer]

    async def _reply(self, said: Json) -> Json:
        """The reply to a message, looked for from the newest one."""
        while True:
            for message in reversed([*self._server.state.messages.values()][-200:]):
                reference = message.get("message_reference") or {}
                if reference.get("message_id") == said["id"]:
                    return message
            await asyncio.sleep(_POLL)

    async def _verdict(self) -> None:
        answer = self._chance.choice([one for one in self._answers if "Helpful" in labels(one)])
        label = self._chance.choice(["Helpful", "Not helpful", "Why this answer?"])
        await self._responded(await self._asker.click(answer, label))

    async def _note(self) -> None:
        self._notes += 1
        title = f"{' '.join(self._chance.sample(self._words, 3)).capitalize()} {self._notes}"
        text = " ".join(self._chance.sample(self._words, 80))
        form = await self._server.mia.slash(self._server.general, "note add")
        await self._server.form(form)
        sent = await self._server.mia.fill(form, title=title, text=text)
        answer = await self._server.answered(sent)
        if "Submit anyway" in labels(answer):
            await self._responded(await self._server.mia.click(answer, "Submit anyway"))
        card = await self._card(title)
        if self._chance.random() < REJECTED:
            opened = await self._server.ben.click(card, "Reject")
            await self._server.form(opened)
            await self._server.answered(await self._server.ben.fill(opened, reason="Not now."))
            return
        await self._responded(await self._server.ada.click(card, "Approve"))
        self._live.append(title)
        if len(self._live) > LIVE_NOTES:
            await self._withdraw(self._live.pop(0))

    async def _card(self, title: str) -> Json:
        while True:
            for message in reversed([*self._server.state.messages.values()][-300:]):
                if f"**{title}**" in json.dumps(message["components"]) and (
                    "Approve" in labels(message)
                ):
                    return message
            await asyncio.sleep(_POLL)

    async def _withdraw(self, title: str) -> None:
        mia, answered = self._server.mia, self._server.answered
        shown = await answered(await mia.slash(self._server.general, "note show", note=title))
        asked = await answered(await mia.click(shown, "Withdraw"))
        await self._responded(await mia.click(asked, "Withdraw"))

    async def _search(self) -> None:
        words = " ".join(self._chance.sample(self._words, 2))
        await self._server.answered(
            await self._asker.slash(self._server.general, "search", query=words)
        )

    async def _gaps(self) -> None:
        await self._server.answered(await self._server.ada.slash(self._server.general, "gaps"))

    async def _stats(self) -> None:
        await self._server.answered(await self._asker.slash(self._server.general, "stats"))

    async def _setup(self) -> None:
        await self._server.answered(await self._server.root.slash(self._server.general, "setup"))

    async def _lists(self) -> None:
        for name in ("note mine", "privacy"):
            await self._server.answered(await self._asker.slash(self._server.general, name))

    async def _typing(self) -> None:
        typed = self._chance.choice(self._words)[:3]
        sent = await self._asker.type(self._server.general, "note show", "note", typed)
        await self._responded(sent)

    async def _responded(self, sent: Interaction) -> None:
        await self._server.until(lambda: sent.response, "a response")


# The bot.


class _Allocated(ctypes.Structure):
    """The allocator's figures, in bytes."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                     "uordblks", "fordblks", "keepcost")
    ]  # fmt: skip


def _report(path: Path) -> None:
    """Write down this process's memory and objects."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Allocated
    allocated = mallinfo()
    known = gc.get_objects()
    found = {
        "used": allocated.uordblks + allocated.hblkhd,
        "free": allocated.fordblks,
        "objects": len(known),
        "types": Counter(f"{type(o).__module__}.{type(o).__qualname__}" for o in known),
    }
    path.with_suffix(".new").write_text(json.dumps(found), encoding="utf-8")
    path.with_suffix(".new").rename(path)


def _run_bot(address: str, report: Path, arguments: list[str]) -> None:
    from bot.__main__ import main as commonplace

    discord.http.Route.BASE = f"{address}/api"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(
        f"{address}/gateway/".replace("http", "ws")
    )
    SourceSettings.look_seconds = LOOK_SECONDS
    signal.signal(signal.SIGUSR1, lambda *_: _report(report))
    sys.argv = ["commonplace", *arguments]
    commonplace()


# Measuring.


def _status(pid: int) -> tuple[float, int, int]:
    """Megabytes in memory, threads and open files of a process."""
    lines = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    )
    files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - no paths are needed
    return int(lines["VmRSS"].split()[0]) / 1024, int(lines["Threads"]), files


def _reported(pid: int, path: Path) -> Json:
    path.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    while not path.exists():
        time.sleep(_POLL)
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


async def _each_second(rate: float, until: float, begin: Callable[[], Any]) -> None:
    """Begin `rate` acts a second, whether or not the last one is done."""
    began, number, tasks = time.monotonic(), 0, set[asyncio.Task[None]]()
    while time.monotonic() < until:
        task = asyncio.create_task(begin())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


async def _change_file(path: Path, mix: Mix) -> None:
    while True:
        _write(path, f"# Opening hours\n\n{mix.question()} {time.time()}\n")
        await asyncio.sleep(FILE_SECONDS)


def _prepare(folder: Path, server: WireServer) -> Path:
    """A data folder with a set-up server, and its settings."""
    shared = folder / "shared"
    shared.mkdir()
    guild_id = int(server.guild["id"])
    chosen = GuildSettings(
        guild_id, int(server.review["id"]), int(server.moderators["id"]), page=True
    )
    data = folder / "data"
    with open_store(data_folder(data)) as store:
        store.guilds.save_settings(chosen, server.root.id)
        store.add_source(str(shared), Scope(guild_id))
    config = folder / "config.toml"
    config.write_text(
        f'[data]\nfolder = "{data}"\n[questions]\nmember_burst = 0\n'
        f'[page]\nfolder = "{folder / "pages"}"\n'
    )
    return config


async def _measure(asked: argparse.Namespace, folder: Path) -> None:
    async with wire_server() as server:
        config, report = _prepare(folder, server), folder / "report.json"
        environment = {
            **os.environ, "DISCORD_TOKEN": TOKEN, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)
        }  # fmt: skip
        with _open_log(asked.keep_log) as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "benchmarks.memory_mix", "--bot", server.address,
                str(report), "run", "--config", str(config),
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
            try:
                await server.until(lambda: server.state.commands, "commands")
                await server.until(server.connected.is_set, "a session")
                await _observe(asked, server, process.pid, report, folder)
            finally:
                if process.returncode is None:
                    process.terminate()
                await process.wait()


def _open_log(path: str) -> IO[bytes]:
    return Path(path).open("wb")


async def _observe(
    asked: argparse.Namespace, server: WireServer, pid: int, report: Path, folder: Path
) -> None:
    mix = Mix(server, asked.seed)
    began = time.monotonic()
    until = began + asked.minutes * 60
    acting = asyncio.create_task(_each_second(asked.rate, until, lambda: mix.run(*mix.next())))
    changing = asyncio.create_task(_change_file(folder / "shared" / "hours.md", mix))
    before: Json = {}
    print("minute  done  failed  MB  used  free  objects  threads  files", flush=True)
    for minute in range(asked.minutes + 1):
        await asyncio.sleep(max(0.0, began + minute * 60 - time.monotonic()))
        megabytes, threads, files = _status(pid)
        found = await asyncio.to_thread(_reported, pid, report)
        if minute == asked.minutes // 5:
            before = found
        print(
            f"{minute:>6} {mix.done.total():>5} {mix.failed.total():>7} {megabytes:>5.0f} "
            f"{found['used'] / 2**20:>5.0f} {found['free'] / 2**20:>5.0f} "
            f"{found['objects']:>8} {threads:>8} {files:>6}",
            flush=True,
        )
        mix.forget()
    acting.cancel()
    changing.cancel()
    print(dict(mix.done), dict(mix.failed), Counter(server.problems).most_common(5))
    # On a busy machine an interaction is acknowledged late; that is no failure of this run.
    server.rest.problems.clear()
    server.gateway.problems.clear()
    if asked.objects:
        grown = Counter(found["types"])
        grown.subtract(before["types"])
        for name, number in grown.most_common(30):
            print(f"{number:>8} {name}")


def main() -> None:
    if sys.argv[1:2] == ["--bot"]:
        _run_bot(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("minutes", type=int)
    parser.add_argument("--rate", type=float, default=3.0, help="operations a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--objects", action="store_true", help="print the types that grew")
    parser.add_argument("--keep-log", default=os.devnull, help="where to put the bot's log")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(asked, Path(folder)))


if __name__ == "__main__":
    main()

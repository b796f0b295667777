"""Memory of a bot while its people do everything at once, over HTTP and websockets.

    python -m benchmarks.memory --minutes 15 --a-second 1.7

The bot is a real process with the installed model, a data folder of its own and a public page.
Discord is the strict one of the tests. People ask by `/ask`, mentions, replies and forum posts,
propose notes and decide on them, report, export, give feedback and open the panels; in between the
gateway's connection is cut. Each line has the seconds since the start, the actions so far, and the
bot's memory; the last lines have the growth after `--warm` minutes, and failed actions by kind.
"""

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from benchmarks.embedding import resident
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from knowledge import corpus
from knowledge.values.documents import Document
from knowledge.values.settings import GuildSettings, Mode
from tests.bot.launcher import BotProcess, bot_process
from tests.bot.wire.gateway import CONTENT
from tests.bot.wire.people import Person, labels
from tests.bot.wire.server import WireServer, wire_server
from tests.bot.wire.state import APPLICATION, Interaction, Json
from tests.fakes import WordEmbedder

PEOPLE: Final = 60
# Longest time of an action; a longer one has failed.
PATIENCE_SECONDS: Final = 20.0
CUT_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 15.0
_FORUM: Final = 15
_LABEL: Final = 18
# Number of messages for clicks, replies and reports.
_RECENT: Final = 40


class Community:
    """The people of one server, and their actions."""

    def __init__(self, server: WireServer, seed: int) -> None:
        self.server = server
        self.chance = random.Random(seed)  # noqa: S311 - actions, not secrets
        self.forum = server.state.add_channel(server.guild, "help", _FORUM)
        self.people = [server.person(f"Member {number}") for number in range(PEOPLE)]
        articles = [found for found in corpus.articles() if isinstance(found, Document)]
        self.titles = [article.title for article in articles]
        self.words = " ".join(article.text for article in articles).split()
        self.actions: dict[Callable[[], Awaitable[object]], int] = {
            self.ask: 20,
            self.mention: 20,
            self.reply: 10,
            self.post: 8,
            self.propose: 5,
            self.decide: 5,
            self.report: 6,
            self.give_feedback: 6,
            self.export: 3,
            self.open_stats: 2,
            self.open_panel: 5,
        }
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._notes = 0

    async def act(self) -> None:
        """Take one action, and count it."""
        [action] = self.chance.choices([*self.actions], [*self.actions.values()])
        name = getattr(action, "__name__", "")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await action()
        except (TimeoutError, AssertionError) as error:
            self.failed[f"{name}: {str(error)[:60] or 'too late'}"] += 1
        self.done[name] += 1

    # Their words.

    def _some_words(self, count: int) -> str:
        return " ".join(self.chance.choices(self.words, k=count))

    def _question(self) -> str:
        if self.chance.random() < 0.3:
            return f"What is {self.chance.choice(self.titles)}?"
        return f"How does {self._some_words(self.chance.randint(3, 30))} work?"[:1_500]

    def _member(self) -> Person:
        return self.chance.choice(self.people)

    def _recent(self, channel: Json, label: str = "") -> Json:
        """A recent message of the bot, with such a button."""
        found = self.server.bot_messages(channel)[-_RECENT:]
        found = [message for message in found if not label or label in labels(message)]
        assert found, f"no message with {label!r}"
        return self.chance.choice(found)

    # Asking.

    async def ask(self) -> None:
        asked = await self._member().slash(self.server.general, "ask", question=self._question())
        await self.server.answered(asked)

    async def mention(self) -> None:
        said = f"<@{APPLICATION}> {self._question()}"
        message = await self._member().say(self.server.general, said)
        await self.server.until(lambda: self.server.replies(self.server.general, message), "reply")

    async def reply(self) -> None:
        to = self._recent(self.server.general)
        message = await self._member().say(self.server.general, "And on Windows?", to)
        await self.server.until(lambda: self.server.replies(self.server.general, message), "reply")

    async def post(self) -> None:
        """Begin a post of the forum. The bot may answer it."""
        thread = self.server.state.add_thread(self.forum, self._question()[:90])
        await self.server.gateway.emit("THREAD_CREATE", {**thread, "newly_created": True})
        await self._member().say(thread, self._question())

    # Notes.

    async def propose(self) -> None:
        self._notes += 1
        text = f"{self._some_words(60)}. {self._some_words(40)}."
        title = f"{self._some_words(4)} {self._notes}"[:90]
        await self._fill(
            await self._member().slash(self.server.general, "note add"), title=title, text=text
        )

    async def decide(self) -> None:
        waiting = self.server.waiting()
        assert waiting, "nothing to decide"
        card = waiting[0]
        if self.chance.random() < 0.8:
            await self.server.answered(await self.server.ada.click(card, "Approve"))
        else:
            opened = await self.server.ada.click(card, "Reject")
            await self._fill(opened, reason="Because.")

    async def report(self) -> None:
        """Report a note in an answer. Most answers quote none, so the bot refuses."""
        message = self._recent(self.server.general)
        opened = await self._member().menu("Report", message)
        response = await self.server.until(lambda: opened.response, "a form")
        if response is not None and response["type"] == 9:
            await self._fill(opened, reason="Not true any more.")

    async def give_feedback(self) -> None:
        message = self._recent(self.server.general, "Helpful")
        clicked = await self._member().click(message, "Helpful")
        await self.server.until(lambda: clicked.response, "a response")

    async def _fill(self, opened: Interaction, **values: str) -> None:
        form = await self.server.form(opened)
        chosen: dict[str, str] = {}
        for field in (part["component"] for part in form["components"] if part["type"] == _LABEL):
            options = field.get("options")
            if text := values.get(field["custom_id"]):
                chosen[field["custom_id"]] = text
            elif options and not any(option.get("default") for option in options):
                chosen[field["custom_id"]] = self.chance.choice(options)["value"]
        await self.server.answered(await self.server.mia.fill(opened, **chosen))

    # Panels.

    async def export(self) -> None:
        opened = await self._member().slash(self.server.general, "privacy")
        shown = await self.server.answered(opened)
        clicked = await self._member().click(shown, "Export")
        await self.server.answered(clicked)

    async def open_stats(self) -> None:
        opened = await self.server.ada.slash(self.server.general, "stats")
        await self.server.answered(opened)

    async def open_panel(self) -> None:
        person, name = self.chance.choice(
            [(self.server.ada, "review"), (self.server.root, "setup"), (self.server.ada, "gaps")]
        )
        opened = await person.slash(self.server.general, name)
        await self.server.answered(opened)

    async def cut(self) -> None:
        """Cut the gateway's connection every few seconds, and once in a while end its session."""
        while True:
            await asyncio.sleep(CUT_SECONDS)
            with contextlib.suppress(KeyError):
                if self.chance.random() < 0.3:
                    await self.server.gateway.invalidate()
                else:
                    self.server.gateway.cut()

    def forget(self) -> None:
        """Forget old messages and requests, so the driver stays fast."""
        state, keep = self.server.state, 4_000
        for number in [*state.messages][:-keep]:
            if state.messages[number]["channel_id"] != self.server.review["id"]:
                del state.messages[number]
        for token in [*state.interactions][:-keep]:
            del state.interactions[token]
        self.server.rest.requests.clear()
        # Each Discord keeps its own problems; late answers are no question of memory.
        self.server.rest.problems.clear()
        self.server.gateway.problems.clear()


def _prepare(folder: Path, server: WireServer, forum: Json) -> Path:
    """Choose the server's settings, and write the bot's configuration."""
    config = folder / "config.toml"
    config.write_text(
        "[questions]\nmember_burst = 0\n[helper]\nmessage_content = true\n"
        f'[page]\nfolder = "{folder / "pages"}"\nbase_url = "https://notes.example.org/{{server}}"\n',
        encoding="utf-8",
    )
    guild_id = int(server.guild["id"])
    chosen = GuildSettings(
        guild_id, int(server.review["id"]), int(server.moderators["id"]), page=True, hand_on=True
    )
    with Core(Settings(data=DataSettings(folder=folder / "data")), WordEmbedder()) as core:
        core.store.guilds.save_settings(chosen, server.root.id)
        help_ = {"mode": Mode.HELP}
        core.store.channel_settings.change(int(forum["id"]), guild_id, help_, server.root.id)
    return config


async def _drive(community: Community, process: BotProcess, asked: argparse.Namespace) -> None:
    """Act for the given minutes, and tell the memory."""
    began, tasks = time.monotonic(), set[asyncio.Task[None]]()
    looked, count, warm = 0.0, 0, 0.0
    cutting = asyncio.create_task(community.cut())
    while (now := time.monotonic() - began) < asked.minutes * 60:
        # A slow bot gets no pile of actions.
        if len(tasks) < asked.at_once:
            task = asyncio.create_task(community.act())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            count += 1
        if now >= looked:
            looked = now + LOOK_SECONDS
            memory = resident(process.pid)
            warm = memory if now < asked.warm * 60 else warm
            print(f"{now:>6.0f} s {count:>7,} actions {memory:>7.1f} MB", flush=True)
            community.forget()
        await asyncio.sleep(1 / asked.a_second)
    cutting.cancel()
    await asyncio.gather(*tasks)
    print(f"grown by {resident(process.pid) - warm:.1f} MB after {asked.warm:g} minutes")
    for name, number in sorted(community.done.items()):
        print(f"{number:>7,} {name}")
    for name, number in community.failed.most_common(12):
        print(f"{number:>7,} failed: {name}")


async def _measure(asked: argparse.Namespace, folder: Path) -> None:
    async with wire_server() as server:
        server.gateway.privileged = CONTENT
        community = Community(server, asked.seed)
        config = _prepare(folder, server, community.forum)
        log = Path(asked.log) if asked.log else folder / "log"
        with log.open("wb") as file:
            async with bot_process(
                server,
                *("run", "--config", config, "--data", folder / "data"),
                connected=False,
                log=file,
                INSTALLED_MODEL="1",
            ) as process:
                server.patience_seconds = 120
                await server.until(lambda: server.state.commands, "commands")
                server.patience_seconds = PATIENCE_SECONDS
                await _drive(community, process, asked)
        server.rest.problems.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--warm", type=float, default=3.0)
    parser.add_argument("--a-second", type=float, default=1.7)
    parser.add_argument("--at-once", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(asked, Path(folder)))


if __name__ == "__main__":
    main()

"""Kill the bot between a form or click and its end, start it again, and count what is lost.

    python -m benchmarks.killing_forms --kills 60

The bot is a real process before a strict Discord on this machine. A member or a moderator sends a
form (a new note, a rejection, an edited note, a report) or clicks *Approve*, and SIGKILL follows at
a random moment. The next process finishes it, gives it back, or has never heard of it: then its
sender, as a person would, sends it once more. What they typed must be on record exactly once, with
one line of the log, and Discord shows *thinking…* to nobody any more.
"""

import argparse
import asyncio
import itertools
import random
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.notes import messages as notes_messages
from bot.storage.data_folder import COMMUNITY
from bot.text import error_messages
from knowledge.values.guilds import GuildSettings
from tests.bot.discord_server import bot_process
from tests.bot.strictness import everything_in
from tests.bot.wire.people import Person, labels
from tests.bot.wire.server import WireServer, wire_server
from tests.bot.wire.state import Interaction, Json
from tests.bot.world import text_of
from tests.fakes import WordEmbedder

TOLD: Final = "told"
# So many times as many forms are sent at the most.
MOST: Final = 5
# The forms' ends, by the log's event: how often it must stand there for a note of this title.
_LINES: Final = """
    select count(*) from log l join revisions r on r.id = json_extract(l.detail, '$.revision')
    join notes n on n.id = r.note_id
    where l.event = ?1 and n.id in (select note_id from revisions where title = ?2)
"""
# What was typed last must be there once: as a text, as a reason, as an open report.
_TYPED: Final = """
    select (select count(*) from revisions where text = ?1)
    + (select count(*) from reviews where reason = ?1 and undone_at is null)
    + (select count(*) from reports where reason = ?1 and closed_at is null)
"""


@dataclass
class Trial:
    """A form that was sent, or a click: by whom, and what was typed.

    `again` sends it once more where Discord's client says that it failed, `open_again` from the
    beginning.
    """

    event: str
    title: str
    typed: str
    by: Person
    sent: Interaction
    again: Callable[[], Awaitable[Interaction]]
    open_again: Callable[[], Awaitable[Interaction]]


class Killing:
    """A Discord, a data folder, and the forms that are sent."""

    def __init__(self, server: WireServer, folder: Path, seed: int) -> None:
        self.server = server
        self.folder = folder
        self.chance = random.Random(seed)  # noqa: S311 - moments and words, not secrets
        self.forms = (
            self.new_note,
            self.rejection,
            self.edited_note,
            self.report,
            self.approval,
        )

    def words(self, title: str) -> str:
        """A text that is near to no other."""
        return f"{title}: " + " ".join(f"w{self.chance.getrandbits(40):x}" for _ in range(12))

    def rows(self, sql: str, *values: object) -> int:
        with closing(sqlite3.connect(self.folder / COMMUNITY)) as database:
            return int(database.execute(sql, values).fetchone()[0])

    # Opening forms.

    async def new_note(self, title: str) -> Trial:
        typed = self.words(title)
        fields = {"title": title, "text": typed}
        return await self._sent(
            "proposed",
            title,
            typed,
            self.server.mia,
            fields,
            lambda: self.server.mia.slash(self.server.general, "note add"),
        )

    async def rejection(self, title: str) -> Trial:
        card = await self._waiting(title)
        return await self._of_card(card, "rejected", title, "Reject", "reason")

    async def edited_note(self, title: str) -> Trial:
        card = await self._waiting(title)
        return await self._of_card(card, "approved", title, "Edit & approve", "text")

    async def report(self, title: str) -> Trial:
        card = await self._waiting(title)
        await self.server.answered(await self.server.ada.click(card, "Approve"))
        typed, ben = self.words(title), self.server.ben

        async def opened() -> Interaction:
            shown = await ben.slash(self.server.general, "note show", note=title)
            return await ben.click(await self.server.answered(shown), "Report")

        fields = {"problem": "wrong", "reason": typed}
        return await self._sent("reported", title, typed, ben, fields, opened)

    async def approval(self, title: str) -> Trial:
        card, ada = await self._waiting(title), self.server.ada
        [custom_id] = [
            one["custom_id"]
            for one in everything_in(card["components"])
            if one.get("label") == "Approve"
        ]

        async def click() -> Interaction:
            return await ada.press(card, custom_id)

        return Trial("approved", title, "", ada, await click(), click, click)

    async def _of_card(self, card: Json, event: str, title: str, label: str, field: str) -> Trial:
        typed = self.words(title)
        ada = self.server.ada
        return await self._sent(
            event, title, typed, ada, {field: typed}, lambda: ada.click(card, label)
        )

    async def _waiting(self, title: str) -> Json:
        """The card of a new note that waits."""
        trial = await self.new_note(title)
        await self.server.answered(trial.sent)

        def cards() -> list[Json]:
            found = self.server.messages(self.server.review)
            return [one for one in found if f"**{title}**" in text_of(one)]

        return (await self.server.until(cards, "a card"))[0]

    async def _sent(
        self,
        event: str,
        title: str,
        typed: str,
        by: Person,
        fields: dict[str, str],
        open_again: Callable[[], Awaitable[Interaction]],
    ) -> Trial:
        opened = await open_again()
        await self.server.form(opened)

        async def fill() -> Interaction:
            return await by.fill(opened, **fields)

        async def open_and_fill() -> Interaction:
            anew = await open_again()
            await self.server.form(anew)
            return await by.fill(anew, **fields)

        return Trial(event, title, typed, by, await fill(), fill, open_and_fill)

    # Looking, and going on.

    def stage(self, trial: Trial) -> str:
        """How far it was when the process ended."""
        kept = self.rows("select count(*) from inbox where id = ?", trial.sent.id)
        there, _ = self.counted(trial)
        if kept:
            return "done, not told" if there else "kept, not done"
        return TOLD if there else "not kept"

    def counted(self, trial: Trial) -> tuple[int, int]:
        """How often what was typed is on record, and its line in the log; of a click the line."""
        lines = self.rows(_LINES, trial.event, trial.title)
        return (self.rows(_TYPED, trial.typed) if trial.typed else lines), lines

    async def go_on(self, trial: Trial) -> list[str]:
        """Do what its sender would do after the restart; returns what is wrong then."""
        if trial.sent.response is None:
            # Their client says that this failed, and leaves the form open.
            await self.server.answered(await trial.again())
        else:
            told = await self.server.answered(trial.sent)
            if notes_messages.DRAFT_LABELS["edit"].english in labels(told):
                again = await trial.by.click(told, notes_messages.DRAFT_LABELS["edit"].english)
                await self.server.form(again)
                await self.server.answered(await trial.by.fill(again))
            elif error_messages.RESTARTED.english in told["content"]:
                if trial.typed not in told["content"]:
                    return [f"{trial.title}: what was typed did not come back: {told['content']}"]
                await self.server.answered(await trial.open_again())
        counted = self.counted(trial)
        return [] if counted == (1, 1) else [f"{trial.title} {trial.event}: {counted} times"]


async def kill_forms(folder: Path, kills: int, seed: int, seconds: float) -> list[str]:
    """Kill until so many forms were not told of; `seconds` is the latest moment of a kill."""
    stages: Counter[tuple[str, str]] = Counter()
    left = kills
    problems: list[str] = []
    async with wire_server() as server:
        chosen = GuildSettings(
            int(server.guild["id"]), int(server.review["id"]), int(server.moderators["id"])
        )
        with Core(Settings(data=DataSettings(folder=folder)), WordEmbedder()) as core:
            core.store.guilds.save_settings(chosen, server.root.id)
        killing = Killing(server, folder, seed)
        trial: Trial | None = None
        for number in itertools.count():
            server.connected.clear()
            async with bot_process(server, "run", "--data", folder) as process:
                await server.until(lambda: server.state.commands, "commands")
                if trial is not None:
                    try:
                        problems += await killing.go_on(trial)
                    except AssertionError as error:
                        problems.append(f"{trial.title} {trial.event}: stuck: {error}")
                if not left or number == MOST * kills:
                    break
                trial = await killing.forms[number % len(killing.forms)](f"Trial {number}")
                await asyncio.sleep(killing.chance.uniform(0, seconds))
                process.kill()
                await process.wait()
            stage = killing.stage(trial)
            stages[trial.event, stage] += 1
            left -= stage != TOLD
        problems += server.problems
        server.rest.problems.clear()
    print("| form | killed when | kills |\n|---|---|---|")
    for (event, stage), count in sorted(stages.items()):
        print(f"| {event} | {stage} | {count} |")
    told = stages.total() - kills + left
    print(
        f"\n{kills - left} kills, {told} came too late, {len(problems)} losses, doubles or stuck."
    )
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.1, help="the latest moment of a kill")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="commonplace-killing-") as name:
        folder = Path(name) / "data"
        problems = asyncio.run(
            kill_forms(folder, arguments.kills, arguments.seed, arguments.seconds)
        )
    print("\n".join(problems))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

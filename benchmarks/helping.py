"""Help where nobody asked: how often it is given, how often rightly, and what a message costs.

    python -m benchmarks.helping replay DATA FILE [--out FILE]
    python -m benchmarks.helping cost FILE [--messages 2000]

`replay` takes a data folder whose sources are indexed, and messages or posts as JSON lines: `text`,
of a post also its `title`, and where it is known `right`, names of documents that answer. What was
said goes to `--out`, to be read by hand. Public chat logs and forum archives are not in the
project; docs/benchmarks.md says which were used.

`cost` sends messages to the bot in Discord in memory, with the real model over the articles, once
in a channel where it helps and once where it does not: the difference in processor time, that of
all threads, is what helping costs beyond discord.py.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import simcord

from bot.answers.decision import Answer
from bot.answers.lookup import Ask
from bot.answers.pipeline import Reply
from bot.ask import unasked as service
from bot.ask.question_rules import begins_question, questions_of_post
from bot.config.sections import DataSettings, HelperSettings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.process.client import Bot, start_worker
from knowledge.values.channel_settings import Mode

_ASK = Ask("", 1, 1, 1)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def asked(row: dict[str, Any]) -> list[str]:
    """What a message or post asks; nothing if it begins no question."""
    if "title" in row:
        return questions_of_post(row["title"], row["text"])
    return [row["text"]] if begins_question(row["text"]) else []


def answered(core: Core, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Reply]]:
    for row in rows:
        asks = [replace(_ASK, text=text) for text in asked(row)]
        reply = service.looked_up(core, asks) if asks else None
        if reply is not None:
            yield row, reply


def is_right(row: dict[str, Any], reply: Reply) -> bool:
    return Path(reply.hits[0].passage.document_id).stem in row["right"]


def told(row: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """What somebody needs to judge an answer by hand."""
    assert isinstance(reply.outcome, Answer)
    best = reply.hits[0].passage
    return {
        "asked": asked(row)[-1],
        "document": best.document_id,
        "heading": best.heading,
        "quoted": reply.outcome.quotes[0].text,
        **{name: round(reply.signals[name], 3) for name in ("probability", "cosine")},
    }


def replay(data: Path, rows: Sequence[dict[str, Any]], out: Path | None) -> None:
    started = time.process_time()
    with Core(Settings(data=DataSettings(folder=data))) as core:
        said = list(answered(core, rows))
    asking = sum(bool(asked(row)) for row in rows)
    print(f"{len(rows):,} messages or posts, {asking:,} of which ask; {len(said):,} answered:")
    print(f"one in {len(rows) / max(len(said), 1):,.0f}, {len(said) / len(rows):.3f} of them")
    judged = [is_right(row, reply) for row, reply in said if "right" in row]
    if judged:
        print(f"{sum(judged) / len(judged):.3f} of the answers rightly")
    print(f"{(time.process_time() - started) / len(rows) * 1_000:.1f} ms of a processor each")
    if out is not None:
        lines = (json.dumps(told(row, reply), ensure_ascii=False) for row, reply in said)
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


async def seconds(rows: Sequence[dict[str, Any]], mode: Mode) -> float:
    """The processor time of this process while members write so many messages."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data=DataSettings(folder=Path(folder)), helper=HelperSettings(message_content=True)
        )
        with Core(settings) as core:
            run_to_end(index_updates.update_quickly(core))
        async with simcord.run(Bot(settings, start_worker(settings))) as env:
            guild = env.create_guild("Town")
            channel = guild.create_text_channel("help")
            members = [guild.add_member(env.create_user(f"member{number}")) for number in range(50)]
            bot = env.bot
            assert isinstance(bot, Bot)
            await bot.worker.call(
                lambda core: core.store.channel_settings.change(
                    channel.id, guild.id, {"mode": mode, "wait_seconds": 0}, 1
                )
            )
            await env.settle(timeout=600)
            started = time.process_time()
            for number, row in enumerate(rows):
                env.backend.create_message(channel.id, members[number % 50].id, row["text"][:2_000])
                await asyncio.sleep(0.001)
            await env.settle(timeout=600)
            return time.process_time() - started


def cost(rows: Sequence[dict[str, Any]]) -> None:
    off, on = (asyncio.run(seconds(rows, mode)) for mode in (Mode.OFF, Mode.HELP))
    each = (on - off) / len(rows)
    print(f"{len(rows):,} messages: {off:.2f} s of a processor where it does not help, {on:.2f} s")
    print(f"where it does: {each * 1_000:.2f} ms a message, {each * 10_000 / 36:.2f} % of a core")
    print("at 10,000 messages an hour")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["replay", "cost"])
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--messages", type=int)
    asked_for = parser.parse_args()
    rows = list(islice(read(asked_for.paths[-1]), asked_for.messages))
    if asked_for.what == "cost":
        cost(rows)
    else:
        replay(asked_for.paths[0], rows, asked_for.out)


if __name__ == "__main__":
    main()

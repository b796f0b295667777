"""Quality on a judged server of 25 channels, with the default model.

Measured on 2 December 2026: 16 of 20 questions are answered, all with the right channel or event,
and none of eight near misses.
"""

import json
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from simcord import Env

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply
from bot.core.core import Core
from bot.process.client import Bot, start_worker
from bot.sources.ui.server_documents import ServerDocuments
from indexer.embedding.embedder import DEFAULT_MODEL, open_embedder
from knowledge.values.documents import Kind
from tests.bot.components import part
from tests.bot.conftest import settings_for

pytestmark = pytest.mark.slow

FOLDER: Final = Path(__file__).parents[3] / "judged" / "server"
LEAST_ANSWERED: Final = 15


@pytest.fixture
def simcord_bot(tmp_path: Path) -> Bot:
    settings = settings_for(tmp_path / "data")
    return Bot(settings, start_worker(settings, open_embedder(DEFAULT_MODEL)))


def _ask(ask: Ask, core: Core) -> Reply:
    [reply] = core.answer_pipeline.ask([ask], record=False)
    return reply


async def test_judged_server_questions_find_the_right_place(simcord_env: Env) -> None:
    server = json.loads((FOLDER / "server.json").read_text("utf-8"))
    guild = simcord_env.create_guild(server["name"])
    backend = simcord_env.backend
    categories = {each["category"] for each in server["channels"]}
    made = {name: guild.create_category(name) for name in sorted(categories)}
    for each in server["channels"]:
        if each.get("kind") == "forum":
            forum = guild.create_forum_channel(each["name"])
            changes = {"topic": each["topic"], "parent_id": made[each["category"]].id}
            backend.edit_channel(forum.id, changes)
        else:
            topic, category = each.get("topic"), made[each["category"]]
            guild.create_text_channel(each["name"], topic=topic, category=category)
    rules = guild.channels[server["rules"]]
    backend.edit_guild(guild.id, {"rules_channel_id": rules.id})
    for day, each in enumerate(server["events"], start=1):
        start, end = (f"2099-01-{day:02}T{hour}:00:00+00:00" for hour in (18, 20))
        guild.create_scheduled_event(
            each["name"],
            start_time=start,
            end_time=end,
            entity_type=3,
            location=each["place"],
            description=each["description"],
        )
    await simcord_env.settle()
    bot = simcord_env.bot
    assert isinstance(bot, Bot)
    await part(bot, ServerDocuments).round()

    answered = 0
    for line in (FOLDER / "questions.tsv").read_text("utf-8").splitlines():
        text, _, right = line.partition("\t")
        reply = await bot.worker.call(partial(_ask, Ask(text, 1, guild.id)))
        if isinstance(reply.outcome, Answer):
            cited = reply.outcome.quotes[0].citation
            # The bundled articles answer other questions.
            if cited.kind is Kind.SERVER:
                assert cited.title.removeprefix("#") in right.split("|"), text
                answered += 1
    assert answered >= LEAST_ANSWERED

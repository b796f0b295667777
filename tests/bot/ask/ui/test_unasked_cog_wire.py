"""Helping over the wire: whatever is lost on the way, and whenever the process ends, once."""

import functools
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bot.ask.ui import unasked_buttons
from bot.config.settings import Settings
from bot.core.core import Core
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member
from knowledge.values.settings import Mode
from knowledge.values.submissions import Submission
from tests.bot.forum import ASKED, POST_TITLE, UNKNOWN
from tests.bot.launcher import run_and_kill_bot, run_bot
from tests.bot.message_parts import text_of
from tests.bot.wire.gateway import CONTENT
from tests.bot.wire.people import labels
from tests.bot.wire.server import SECONDS, WireServer
from tests.bot.wire.state import Json, permissions
from tests.bot.world import TEXT, TITLE
from tests.fakes import WordEmbedder

pytestmark = pytest.mark.slow

ATTEMPTS: Final = 9
SOLVED: Final = "901"


@dataclass
class HelpedServer:
    """A Discord in which the bot helps in a forum and in the general channel."""

    server: WireServer
    forum: Json
    config: Path

    async def post(self, text: str = ASKED, title: str = POST_TITLE) -> Json:
        """A new post of Mia's."""
        thread = self.server.state.add_thread(self.forum, title)
        thread["owner_id"] = str(self.server.mia.id)
        await self.server.gateway.emit("THREAD_CREATE", {**thread, "newly_created": True})
        await self.server.mia.say(thread, text)
        return thread


def rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    database = settings.data.folder / "community.db"
    with closing(sqlite3.connect(database, timeout=SECONDS)) as connection, connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def helped(server: WireServer, settings: Settings, tmp_path: Path) -> HelpedServer:
    server.gateway.privileged = CONTENT
    forum = server.state.add_channel(server.guild, "questions", 15)
    tag = {"id": SOLVED, "name": "Solved", "moderated": False}
    forum["available_tags"] = [{**tag, "emoji_id": None, "emoji_name": None}]
    guild_id, chosen = int(server.guild["id"]), {"mode": Mode.HELP, "wait_seconds": 0}
    with Core(settings, WordEmbedder()) as core:
        mia, ada = Member(server.mia.id, "Mia"), Member(server.ada.id, "Ada")
        note = core.store.contributions.propose(guild_id, mia, 1, Submission(TITLE, TEXT)).note
        core.store.review_cards.mark_shown(note.revision.id, 1)
        core.store.decisions.decide(guild_id, note.revision.id, ada, Ruling(Decision.APPROVE))
        for channel in (forum, server.general):
            core.store.channel_settings.change(int(channel["id"]), guild_id, chosen, server.root.id)
    config = tmp_path / "config.toml"
    config.write_text("[helper]\nmessage_content = true\n")
    return HelpedServer(server, forum, config)


async def test_a_lost_connection_answers_each_question_once(
    helped: HelpedServer, settings: Settings
) -> None:
    server = helped.server
    places: list[Json] = []
    async with run_bot(server, settings, "--config", helped.config):
        for is_post in (False, True):
            fault = server.fail("POST", r"/channels/\d+/messages$", taken=True)
            place = await helped.post() if is_post else server.general
            if not is_post:
                await server.mia.say(place, ASKED)
            await server.until(functools.partial(server.bot_messages, place), "an answer")
            assert fault.met == 1
            places.append(place)
    async with run_bot(server, settings, "--config", helped.config):
        pass
    assert [len(server.bot_messages(place)) for place in places] == [1, 1]


async def test_a_kill_while_answering_answers_once(
    helped: HelpedServer, settings: Settings
) -> None:
    server = helped.server
    async with run_and_kill_bot(server, settings, "--config", helped.config):
        fault = server.fail("POST", r"/channels/\d+/messages$", 500, taken=True, times=ATTEMPTS)
        await server.mia.say(server.general, ASKED)
        await server.until(lambda: fault.met, "an answer that Discord takes and does not confirm")
    async with run_bot(server, settings, "--config", helped.config):
        # Another question shows that it is there, and helps.
        post = await helped.post()
        await server.until(lambda: server.bot_messages(post), "an answer")
    assert len(server.bot_messages(server.general)) == 1


@pytest.mark.parametrize("taken", [True, False])
async def test_offers_survive_a_kill(helped: HelpedServer, settings: Settings, taken: bool) -> None:
    server, forum_id = helped.server, int(helped.forum["id"])
    with Core(settings, WordEmbedder()) as core:
        guild_id, chosen = int(server.guild["id"]), {"similar_posts": True}
        core.store.channel_settings.change(forum_id, guild_id, chosen, server.root.id)
    async with run_and_kill_bot(server, settings, "--config", helped.config):
        fault = server.fail("POST", r"/channels/\d+/messages$", 500, taken=taken, times=ATTEMPTS)
        post = await helped.post(ASKED, "Hail")
        await server.until(lambda: fault.met, "an offer that Discord does not confirm")
    watched = "select 1 from helped_questions where state = 'watched' and reply_id is not null"
    async with run_bot(server, settings, "--config", helped.config):
        await server.until(lambda: rows(settings, watched), "the record of the offer")
    [offer] = server.bot_messages(post)
    assert TITLE in offer["content"]


async def test_an_unanswered_post_is_a_gap(helped: HelpedServer, settings: Settings) -> None:
    server = helped.server
    async with run_and_kill_bot(server, settings, "--config", helped.config):
        post = await helped.post(UNKNOWN)
        waits = "select 1 from helped_questions where state != 'waiting'"
        await server.until(lambda: rows(settings, waits), "a look at the post")
    rows(settings, "update helped_questions set due_at = '2020-01-01T00:00:00+00:00'")
    async with run_bot(server, settings, "--config", helped.config):
        gap = "select channel_id, text from questions"
        asked = await server.until(lambda: rows(settings, gap), "a gap")
    assert asked == [(int(post["id"]), f"{POST_TITLE}\n{UNKNOWN}")]
    assert server.bot_messages(post) == []


async def test_a_repeated_event_is_answered_once(helped: HelpedServer, settings: Settings) -> None:
    server = helped.server
    async with run_bot(server, settings, "--config", helped.config):
        server.gateway.cut()
        post = await helped.post()
        await server.until(
            lambda: server.bot_messages(post), "an answer to what was asked meanwhile"
        )
        await server.gateway.ask_to_reconnect()
        other = await helped.post()
        await server.until(lambda: server.bot_messages(other), "another answer")
    assert [len(server.bot_messages(place)) for place in (post, other)] == [1, 1]


async def test_an_answers_buttons_work_over_the_wire(
    helped: HelpedServer, settings: Settings
) -> None:
    server = helped.server
    own = next(one for one in server.guild["roles"] if one["name"] == "Commonplace")
    own["permissions"] = str(int(own["permissions"]) | permissions("manage_threads"))
    async with run_bot(server, settings, "--config", helped.config):
        post = await helped.post()
        [answer] = await server.until(lambda: server.bot_messages(post), "an answer")
        assert TEXT in text_of(answer).replace("**", "")
        solved, unhelpful, dismiss = labels(answer)[:3]
        told = await server.answered(await server.mia.click(answer, solved))
        assert told["content"] == unasked_buttons.MARKED_SOLVED.english
        assert post["applied_tags"] == [SOLVED]
        await server.answered(await server.ben.click(answer, unhelpful))
        told = await server.answered(await server.ada.click(answer, dismiss))
        assert told["content"] == unasked_buttons.DISMISSED.english
    assert server.bot_messages(post) == []

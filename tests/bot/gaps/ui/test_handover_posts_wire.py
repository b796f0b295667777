"""Hand-overs over the wire: whatever is lost on the way, one post, one thread and one answer."""

from dataclasses import replace

import pytest

from bot.config.settings import Settings
from bot.core.core import Core
from bot.gaps import handover_messages
from bot.interactions.kit.retries import PAUSES
from tests.bot.launcher import run_and_kill_bot, run_bot
from tests.bot.spoken import english
from tests.bot.wire.people import Person, labels
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import Json
from tests.fakes import WordEmbedder

pytestmark = pytest.mark.slow

QUESTION = "Zanzibar ferry timetable"
ANSWER = "At nine and at four."
ATTEMPTS = 9
ASKED = english(handover_messages.confirmation, by_asker=True, quiet=False)


def choose(server: WireServer, settings: Settings, **changed: object) -> None:
    """Hand questions over from now on; to be called before the bot runs."""
    guild_id = int(server.guild["id"])
    with Core(settings, WordEmbedder()) as core:
        guilds = core.store.guilds
        kept = replace(guilds.settings(guild_id), hand_on=True, **changed)  # type: ignore[arg-type]
        guilds.save_settings(kept, server.root.id)


def posts(server: WireServer, channel: Json) -> list[Json]:
    return [one for one in server.messages(channel) if "is asking the moderators" in one["content"]]


def told(server: WireServer, channel: Json) -> list[Json]:
    return [one for one in server.messages(channel) if "You asked this" in one["content"]]


async def hand_over(server: WireServer, asker: Person) -> str:
    asked = await asker.slash(
        server.general, "ask", question=f"{QUESTION} {asker.account['username']}"
    )
    refused = await server.answered(asked)
    pressed = await server.answered(await asker.click(refused, "Ask the moderators"))
    return str(pressed["content"])


async def test_lost_connections_hand_over_exactly_once(
    server: WireServer, settings: Settings
) -> None:
    choose(server, settings)
    review, general = (server.review["id"], server.general["id"])
    async with run_bot(server, settings):
        faults = [
            server.fail("POST", f"/channels/{review}/messages$", taken=True),
            server.fail("POST", r"/messages/\d+/threads$", taken=True),
        ]
        assert await hand_over(server, server.mia) == ASKED
        [post] = posts(server, server.review)
        faults.append(server.fail("PATCH", rf"/messages/{post['id']}$", taken=True))
        await server.ada.click(post, "Claim")
        await server.until(lambda: "**Claimed**" in post["content"], "the claim")
        faults.append(server.fail("POST", f"/channels/{general}/messages$", taken=True))
        form = await server.ada.click(post, "Answer")
        await server.form(form)
        await server.ada.fill(form, answer=ANSWER, name="named")
        await server.until(lambda: told(server, server.general), "the answer")
        await server.until(lambda: labels(post) == ["Send to review"], "that it is answered")
        assert [one.met for one in faults] == [1] * 4
    async with run_bot(server, settings):
        pass
    assert len(posts(server, server.review)) == 1
    [answer] = told(server, server.general)
    assert ANSWER in answer["content"]
    threads = [one for one in server.state.channels.values() if one["type"] == 11]
    assert [one["id"] for one in threads] == [post["id"]]
    assert server.unanswered() == []


async def test_an_interrupted_forum_post_is_made_once(
    server: WireServer, settings: Settings
) -> None:
    forum = server.state.add_channel(server.guild, "desk", 15)
    forum["available_tags"] = []
    choose(server, settings, handover_channel_id=int(forum["id"]))
    async with run_bot(server, settings):
        for number, taken in enumerate((False, True), start=1):
            fault = server.fail("POST", f"/channels/{forum['id']}/threads$", 0, taken=taken)
            assert await hand_over(server, server.person(f"Asker {number}")) == ASKED
            threads = [one for one in server.state.channels.values() if one["type"] == 11]
            assert (len(threads), fault.met) == (number, 1)
        [post] = posts(server, threads[-1])
        await server.ada.click(post, "Claim")
        await server.until(lambda: "**Claimed**" in post["content"], "the claim")
    assert posts(server, server.review) == []


async def test_a_silently_accepted_post_shows_its_claim(
    server: WireServer, settings: Settings
) -> None:
    choose(server, settings)
    async with run_bot(server, settings):
        path = f"/channels/{server.review['id']}/messages$"
        fault = server.fail("POST", path, taken=True, times=len(PAUSES) + 1)
        assert await hand_over(server, server.mia) == ASKED
        assert fault.met == len(PAUSES) + 1
        [post] = posts(server, server.review)
        await server.ada.click(post, "Claim")
        await server.until(lambda: "**Claimed**" in post["content"], "the claim")
        assert len(posts(server, server.review)) == 1


async def test_a_killed_post_is_posted_once(server: WireServer, settings: Settings) -> None:
    choose(server, settings)
    path = f"/channels/{server.review['id']}/messages$"
    async with run_and_kill_bot(server, settings):
        fault = server.fail("POST", path, 500, taken=True, times=ATTEMPTS)
        asked = await server.mia.slash(server.general, "ask", question=QUESTION)
        await server.mia.click(await server.answered(asked), "Ask the moderators")
        await server.until(lambda: fault.met, "a post that Discord takes and does not confirm")
    async with run_bot(server, settings):
        [post] = posts(server, server.review)
        # The thread is begun once it is known that the post is there.
        await server.until(lambda: int(post["id"]) in server.state.channels, "the thread")
    assert len(posts(server, server.review)) == 1

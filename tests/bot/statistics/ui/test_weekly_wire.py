"""Digests over real HTTP are posted once, despite lost connections and a killed process."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.config.settings import Settings
from bot.core.core import Core
from bot.statistics.weekly import last_time
from bot.storage.data_folder import COMMUNITY
from knowledge.store.store import Store
from knowledge.values.questions import Evidence, Question
from knowledge.values.settings import Edition, WeeklyDigest
from tests.bot.launcher import run_and_kill_bot, run_bot
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import Json
from tests.fakes import WordEmbedder

pytestmark = pytest.mark.slow

ATTEMPTS = 9


def due(server: WireServer, settings: Settings) -> WeeklyDigest:
    """Store a digest that was due two hours ago, and a question for it."""
    now = datetime.now(UTC)
    at = now - timedelta(hours=2)
    guild_id, review_id = int(server.guild["id"]), int(server.review["id"])
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    digest = WeeklyDigest(
        guild_id, Edition.MODERATORS, review_id, at.weekday(), at.hour, "UTC", chosen_at=long_ago
    )
    asked_at = last_time(digest, now) - timedelta(hours=1)
    question = Question(0, guild_id, review_id, 7, "Yeti diet?", Evidence.NONE, asked_at, 1)
    with Core(settings, WordEmbedder()) as core:
        core.store.digests.choose(digest, server.root.id)
        core.store.question_records.record([question])
    return digest


def digests(server: WireServer) -> list[Json]:
    return [one for one in server.messages(server.review) if "Yeti diet" in str(one["components"])]


def settled(settings: Settings) -> bool:
    with Store(settings.data.folder / COMMUNITY) as store:
        return store.digests.all()[0].settled_at is not None


async def test_lost_connections_post_once(server: WireServer, settings: Settings) -> None:
    due(server, settings)
    path = f"/channels/{server.review['id']}/messages"
    fault = server.fail("POST", path, taken=True)
    async with run_bot(server, settings):
        await server.until(lambda: digests(server) and fault.met, "the digest")
    async with run_bot(server, settings):
        pass
    assert fault.met == 1
    [digest] = digests(server)
    assert digest["flags"] & 1 << 12
    # Its picture was sent again, whole.
    [file] = digest["attachments"]
    assert server.state.files[int(file["id"])].startswith(b"\x89PNG")


async def test_a_kill_posts_no_second_digest(server: WireServer, settings: Settings) -> None:
    due(server, settings)
    path = f"/channels/{server.review['id']}/messages"
    # Discord has it, and never says so: what was sent is not known to have arrived.
    fault = server.fail("POST", path, 500, taken=True, times=ATTEMPTS)
    async with run_and_kill_bot(server, settings):
        await server.until(lambda: fault.met, "an attempt")
    # Discord knows a nonce for some minutes alone.
    server.state.nonces.clear()
    async with run_bot(server, settings):
        await server.until(lambda: settled(settings), "the digest done with")
    assert len(digests(server)) == 1

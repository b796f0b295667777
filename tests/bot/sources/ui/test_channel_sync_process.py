"""Channel sync of a forum over real HTTP, with rate limits."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from bot.cli.console import UNUSABLE
from bot.config.settings import Settings
from bot.core.core import Core
from bot.sources import channel_sync_steps
from knowledge.discord_archive.archive import ProgressMessage, prefix
from knowledge.values.guilds import SyncedChannel, SyncedContent
from tests.bot.launcher import bot_process, run_bot
from tests.bot.wire.gateway import CONTENT
from tests.bot.wire.server import SECONDS, WireServer
from tests.fakes import WordEmbedder

READS_CHANNELS: Final = "[sources]\nchannels = true\n"
AT: Final = datetime(2026, 3, 4, tzinfo=UTC)
TEXTS: Final = (
    "How do I pitch a tent in deep snow when the wind is strong?",
    "Use long snow pegs and dig them in flat, with the narrow end to the wind.",
)


@pytest.mark.slow
async def test_rate_limits_leave_no_gaps(
    server: WireServer, settings: Settings, tmp_path: Path
) -> None:
    forum = server.state.add_channel(server.guild, "snow", 15)
    forum["available_tags"] = []
    thread = server.state.add_thread(forum, "Tent in the snow")
    for person, text in zip((server.mia, server.ada), TEXTS, strict=True):
        server.state.write(thread, person.account, {"content": text})
    forum_id, guild_id = int(forum["id"]), int(server.guild["id"])
    with Core(settings, WordEmbedder()) as core:
        channel = SyncedChannel(forum_id, guild_id, SyncedContent.THREADS, AT)
        channel_sync_steps.add(core, channel, "snow", 9, AT, ProgressMessage())
    config = tmp_path / "config.toml"
    config.write_text(READS_CHANNELS)
    server.gateway.privileged = CONTENT
    path = f"/channels/{thread['id']}/messages"
    server.fail("GET", path, 429, times=2)

    async with run_bot(server, settings, "--config", config) as process:
        assert process.stderr is not None
        async with asyncio.timeout(SECONDS):
            while b"A channel was read" not in await process.stderr.readline():
                continue

    assert [code for _, asked, code in server.rest.requests if asked == path] == [429, 429, 200]
    with Core(settings, WordEmbedder()) as core:
        [document_id] = core.index.tables.digests_under(prefix(forum_id))
        text = "\n".join(each.text for each in core.index.tables.document_passages(document_id))
    assert all(said in text for said in TEXTS)


@pytest.mark.slow
async def test_missing_content_has_a_remedy(
    server: WireServer, settings: Settings, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(READS_CHANNELS)
    arguments = ("run", "--data", settings.data.folder, "--config", config)
    async with bot_process(server, *arguments, connected=False) as process:
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == UNUSABLE
    assert b"Message Content Intent" in err
    assert b"Traceback" not in err

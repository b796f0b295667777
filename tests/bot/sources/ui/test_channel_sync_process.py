"""Channel sync of a forum over real HTTP, with rate limits."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web

from bot.cli.console import UNUSABLE
from bot.config.settings import Settings
from bot.core.core import Core
from bot.sources import channel_sync_steps
from knowledge.discord_archive.archive import prefix
from knowledge.discord_archive.sync_state import ProgressMessage
from knowledge.values.guilds import SyncedChannel, SyncedContent
from tests.bot.discord_server import (
    SECONDS,
    DiscordServer,
    as_json,
    bot_process,
    discord_server,
)
from tests.fakes import WordEmbedder

GUILD, FORUM, THREAD = 50, 60, 1_478_619_499_069_440_000
AT: Final = datetime(2026, 3, 4, tzinfo=UTC)
TEXTS: Final = (
    "How do I pitch a tent in deep snow when the wind is strong?",
    "Use long snow pegs and dig them in flat, with the narrow end to the wind.",
)

_EVERYONE: Final = {
    "id": str(GUILD),
    "name": "@everyone",
    "permissions": str((1 << 10) | (1 << 16)),
    "position": 0,
    "color": 0,
    "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
    "hoist": False,
    "managed": False,
    "mentionable": False,
    "flags": 0,
}
_MEMBER: Final = {
    "user": {"id": "1", "username": "commonplace", "discriminator": "0", "avatar": None},
    "roles": [],
    "joined_at": "2026-01-01T00:00:00+00:00",
    "deaf": False,
    "mute": False,
    "flags": 0,
}
_CHANNEL: Final = {
    "id": str(FORUM),
    "type": 15,
    "name": "snow",
    "position": 0,
    "permission_overwrites": [],
    "available_tags": [],
    "topic": None,
    "nsfw": False,
}


def guild() -> dict[str, Any]:
    return {
        "id": str(GUILD),
        "name": "Snow",
        "owner_id": "9",
        "roles": [_EVERYONE],
        "emojis": [],
        "stickers": [],
        "features": [],
        "channels": [_CHANNEL],
        "threads": [],
        "members": [_MEMBER],
        "member_count": 2,
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "preferred_locale": "en-US",
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "system_channel_flags": 0,
        "afk_timeout": 60,
    }


@dataclass
class ForumServer(DiscordServer):
    """A Discord with a forum that rate-limits the first requests for messages."""

    refusals: int = 2
    answers: list[int] = field(default_factory=list)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(f"/api/guilds/{GUILD}/threads/active", self._active)
        router.add_get(f"/api/channels/{FORUM}/threads/archived/public", self._archived)
        router.add_get(f"/api/channels/{THREAD}/messages", self._messages)

    async def _active(self, request: web.Request) -> web.Response:
        metadata = {
            "archived": False,
            "auto_archive_duration": 1_440,
            "archive_timestamp": "2026-03-04T00:00:00+00:00",
            "locked": False,
        }
        thread = {
            "id": str(THREAD),
            "guild_id": str(GUILD),
            "parent_id": str(FORUM),
            "owner_id": "7",
            "type": 11,
            "name": "Tent in the snow",
            "last_message_id": str(THREAD + 1),
            "message_count": 2,
            "member_count": 2,
            "thread_metadata": metadata,
        }
        return as_json({"threads": [thread], "members": [], "has_more": False})

    async def _archived(self, request: web.Request) -> web.Response:
        return as_json({"threads": [], "members": [], "has_more": False})

    async def _messages(self, request: web.Request) -> web.Response:
        if len(self.answers) < self.refusals:
            self.answers.append(429)
            body = {"message": "You are being rate limited.", "retry_after": 0.2, "global": False}
            return as_json(body, status=429, headers={"Via": "1.1 google"})
        self.answers.append(200)
        after = int(request.query["after"])
        sent = [
            self._message(THREAD + number, text)
            for number, text in enumerate(TEXTS)
            if THREAD + number > after
        ]
        return as_json(sent[::-1])

    @staticmethod
    def _message(message_id: int, text: str) -> dict[str, Any]:
        author = str(message_id % 10 + 7)
        return {
            "id": str(message_id),
            "channel_id": str(THREAD),
            "author": {
                "id": author,
                "username": f"m{author}",
                "discriminator": "0",
                "avatar": None,
            },
            "content": text,
            "timestamp": "2026-03-04T00:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
            "components": [],
        }


@pytest.mark.slow
async def test_rate_limits_leave_no_gaps(settings: Settings, tmp_path: Path) -> None:
    with Core(settings, WordEmbedder()) as core:
        channel_sync_steps.add(
            core,
            SyncedChannel(FORUM, GUILD, SyncedContent.THREADS, AT),
            "snow",
            9,
            AT,
            ProgressMessage(),
        )
    config = tmp_path / "config.toml"
    config.write_text("[sources]\nchannels = true\n")
    server = ForumServer(guilds=[guild()])
    arguments = ("run", "--data", settings.data.folder, "--config", config)

    async with discord_server(server) as discord, bot_process(discord, *arguments) as process:
        assert process.stderr is not None
        async with asyncio.timeout(SECONDS):
            while b"A channel was read" not in await process.stderr.readline():
                continue
        process.terminate()
        await asyncio.wait_for(process.wait(), SECONDS)

    assert server.answers == [429, 429, 200]
    with Core(settings, WordEmbedder()) as core:
        [document_id] = core.index.tables.digests_under(prefix(FORUM))
        text = "\n".join(each.text for each in core.index.tables.document_passages(document_id))
    assert all(one in text for one in TEXTS)


@pytest.mark.slow
async def test_missing_content_has_a_remedy(settings: Settings, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[sources]\nchannels = true\n")
    server = DiscordServer(content_is_given=False)
    arguments = ("run", "--data", settings.data.folder, "--config", config)

    async with (
        discord_server(server) as discord,
        bot_process(discord, *arguments, connected=False) as process,
    ):
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)

    assert process.returncode == UNUSABLE
    assert b"Message Content Intent" in err
    assert b"Traceback" not in err

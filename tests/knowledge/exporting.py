"""Chat exports in DiscordChatExporter's format, made of a few values."""

import json
from collections.abc import Sequence
from typing import Any

GUILD_ID = 100_000_000_000_000_011
CHANNEL_ID = 200_000_000_000_000_022
ASKER, HELPER, PASSER = 1_001, 1_002, 1_003
NAMES = {ASKER: "Mira", HELPER: "Ada", PASSER: "Bo"}


def user(member: int) -> dict[str, Any]:
    """A member in a message, mention or reaction."""
    return {
        "id": str(member),
        "name": NAMES[member].lower(),
        "discriminator": "0000",
        "nickname": NAMES[member],
        "color": None,
        "isBot": False,
        "roles": [{"id": "5", "name": "member", "color": None, "position": 1}],
        "avatarUrl": "https://cdn.discordapp.com/embed/avatars/0.png",
    }


def message(number: int, member: int, text: str, **changes: Any) -> dict[str, Any]:
    """A message, some minutes after the first of March."""
    made: dict[str, Any] = {
        "id": str(CHANNEL_ID + number),
        "type": "Default",
        "timestamp": f"2026-03-01T{12 + number // 60:02d}:{number % 60:02d}:00.5+00:00",
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": text,
        "author": user(member),
        "attachments": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
    }
    return {**made, **changes}


def reply(number: int, member: int, text: str, to: int, **changes: Any) -> dict[str, Any]:
    """A reply to another message."""
    reference = {
        "type": "Default",
        "messageId": str(CHANNEL_ID + to),
        "channelId": str(CHANNEL_ID),
        "guildId": str(GUILD_ID),
    }
    return message(number, member, text, type="Reply", reference=reference, **changes)


def reaction(emoji: str, *members: int) -> dict[str, Any]:
    """A reaction with its members."""
    return {
        "emoji": {"id": "", "name": emoji, "code": "", "isAnimated": False, "imageUrl": ""},
        "count": len(members),
        "users": [user(member) for member in members],
    }


def export(messages: Sequence[object], **channel: Any) -> dict[str, Any]:
    """A whole export; `channel` overrides the channel's fields."""
    return {
        "guild": {"id": str(GUILD_ID), "name": "Harbour", "iconUrl": "https://a.org/i.png"},
        "channel": {
            "id": str(CHANNEL_ID),
            "type": "GuildPublicThread",
            "categoryId": "7",
            "category": "help",
            "name": "Password reset mail never arrives",
            "topic": None,
            **channel,
        },
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2026-04-01T00:00:00+00:00",
        "messages": list(messages),
        "messageCount": len(messages),
    }


def as_json(made: dict[str, Any]) -> bytes:
    """The file's bytes."""
    return json.dumps(made, indent=2, ensure_ascii=False).encode()


SOLVED = [
    message(0, ASKER, "I asked for a new password and no mail comes. What can I do?"),
    message(1, PASSER, "Joined the server.", type="GuildMemberJoin"),
    message(2, PASSER, "Try another browser first."),
    message(3, HELPER, "Mail to that provider is held back: ask again under Security."),
    reply(4, ASKER, "Thanks, that worked!", 3),
]


TEXT = """\
==============================================================
Guild: Harbour
Channel: support / help / Password reset mail never arrives
==============================================================

[03/28/2026 9:05\u202fPM] mira
I asked for a new password and no mail comes. What can I do?
"""

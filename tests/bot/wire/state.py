"""State of the fake Discord in wire format: servers, channels, people, messages, files."""

import itertools
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import discord

Json = dict[str, Any]

APPLICATION: Final = 900_000_000_000_000_001
TOKEN: Final = "a-token-that-nobody-may-see"  # noqa: S105 - of a Discord that is none

EPHEMERAL: Final = 1 << 6
LOADING: Final = 1 << 7

_EPOCH_MS: Final = 1_420_070_400_000
_BOT_PERMISSIONS: Final = (
    "view_channel send_messages send_messages_in_threads embed_links attach_files "
    "read_message_history create_public_threads use_external_emojis add_reactions"
)
_MEMBER_PERMISSIONS: Final = f"{_BOT_PERMISSIONS} use_application_commands"

_numbers = itertools.count(1)


def snowflake() -> int:
    """A new id that contains its creation time."""
    return (int(time.time() * 1000) - _EPOCH_MS) << 22 | next(_numbers) % (1 << 22)


def permissions(names: str) -> int:
    """Bit set of permissions, by their names in one string."""
    return discord.Permissions(**dict.fromkeys(names.split(), True)).value


def now() -> str:
    """Current time in Discord's format."""
    return datetime.now(UTC).isoformat()


class RefusedError(Exception):
    """Response of Discord with an error status."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "code": code}
        if errors:
            self.body["errors"] = errors


@dataclass
class Interaction:
    """An interaction and the bot's responses so far."""

    id: int
    token: str
    kind: int
    payload: Json
    sent_at: float = field(default_factory=time.monotonic)
    answered_after: float | None = None
    response: Json | None = None
    original: int | None = None
    followups: list[int] = field(default_factory=list)

    @property
    def channel_id(self) -> int:
        return int(self.payload["channel_id"])

    @property
    def user_id(self) -> int:
        return int((self.payload.get("user") or self.payload["member"]["user"])["id"])


def user(name: str, *, bot: bool = False) -> Json:
    return {
        "id": str(snowflake()),
        "username": name.lower(),
        "global_name": None if bot else name,
        "discriminator": "0000" if bot else "0",
        "avatar": None,
        "public_flags": 0,
        **({"bot": True} if bot else {}),
    }


@dataclass
class State:
    """All objects, in the shapes that Discord sends."""

    address: str = ""
    me: Json = field(
        default_factory=lambda: {**user("Commonplace", bot=True), "id": str(APPLICATION)}
    )
    guilds: dict[int, Json] = field(default_factory=dict)
    channels: dict[int, Json] = field(default_factory=dict)
    users: dict[int, Json] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)
    interactions: dict[str, Interaction] = field(default_factory=dict)
    commands: list[Json] = field(default_factory=list)
    without_messages: set[int] = field(default_factory=set)
    nonces: dict[tuple[int, str], int] = field(default_factory=dict)

    # Who and where.

    def add_guild(self, name: str, guild_id: int | None = None) -> Json:
        """Add a server with the bot, whose role has the invitation's permissions."""
        guild_id = guild_id or snowflake()
        guild: Json = {
            "id": str(guild_id),
            "name": name,
            "owner_id": "1",
            "roles": [],
            "channels": [],
            "threads": [],
            "members": [],
            "emojis": [],
            "stickers": [],
            "features": [],
            "member_count": 1,
            "large": False,
            "unavailable": False,
            "joined_at": now(),
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "preferred_locale": "en-US",
            **dict.fromkeys(
                ("verification_level", "default_message_notifications", "mfa_level"), 0
            ),
            **dict.fromkeys(("explicit_content_filter", "nsfw_level", "premium_tier"), 0),
            **dict.fromkeys(("icon", "splash", "banner", "afk_channel_id", "description")),
            "system_channel_flags": 0,
            "afk_timeout": 300,
            "premium_progress_bar_enabled": False,
        }
        self.guilds[guild_id] = guild
        self.add_role(guild, "@everyone", _MEMBER_PERMISSIONS, role_id=guild_id)
        role = self.add_role(guild, "Commonplace", _BOT_PERMISSIONS)
        self.users[APPLICATION] = self.me
        self.join(guild, self.me, [role])
        return guild

    def add_role(self, guild: Json, name: str, may: str = "", role_id: int | None = None) -> Json:
        role: Json = {
            "id": str(role_id or snowflake()),
            "name": name,
            "permissions": str(permissions(may)),
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "icon": None,
            "position": len(guild["roles"]),
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }
        guild["roles"].append(role)
        return role

    def add_channel(
        self, guild: Json, name: str, kind: int = 0, channel_id: int | None = None
    ) -> Json:
        channel: Json = {
            "id": str(channel_id or snowflake()),
            "type": kind,
            "guild_id": guild["id"],
            "name": name,
            "position": len(guild["channels"]),
            "permission_overwrites": [],
            "topic": None,
            "nsfw": False,
            "parent_id": None,
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "flags": 0,
        }
        guild["channels"].append(channel)
        self.channels[int(channel["id"])] = channel
        return channel

    def add_thread(
        self, parent: Json, name: str, *, archived: bool = False, thread_id: int | None = None
    ) -> Json:
        """A thread of a channel, or a post of a forum; its first message has its id.

        One that was made from a message has the id of that.
        """
        guild = self.guilds[int(parent["guild_id"])]
        thread = self.add_channel(guild, name, 11, thread_id)
        guild["channels"].remove(thread)
        thread |= {
            "parent_id": parent["id"],
            "owner_id": guild["owner_id"],
            "message_count": 0,
            "member_count": 1,
            "applied_tags": [],
            "thread_metadata": {
                "archived": archived,
                "auto_archive_duration": 1_440,
                "archive_timestamp": now(),
                "locked": False,
                "create_timestamp": now(),
            },
        }
        if not archived:
            guild["threads"].append(thread)
        return thread

    def join(self, guild: Json, who: Json, roles: Iterable[Json] = ()) -> Json:
        self.users[int(who["id"])] = who
        member: Json = {
            "user": who,
            "roles": [role["id"] for role in roles],
            "nick": None,
            "avatar": None,
            "joined_at": now(),
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
            "premium_since": None,
            "communication_disabled_until": None,
        }
        guild["members"].append(member)
        return member

    def direct(self, user_id: int) -> Json:
        """The channel of the bot and one account."""
        for channel in self.channels.values():
            if channel["type"] == 1 and int(channel["recipients"][0]["id"]) == user_id:
                return channel
        channel = {
            "id": str(snowflake()),
            "type": 1,
            "recipients": [self.users[user_id]],
            "last_message_id": None,
            "flags": 0,
        }
        self.channels[int(channel["id"])] = channel
        return channel

    def member(self, guild_id: int, user_id: int) -> Json:
        guild = self.guilds.get(guild_id)
        if guild is None:
            raise RefusedError(404, 10004, "Unknown Guild")
        for member in guild["members"]:
            if int(member["user"]["id"]) == user_id:
                return dict(member)
        raise RefusedError(404, 10007, "Unknown Member")

    def allowed(self, channel: Json, user_id: int) -> discord.Permissions:
        """Permissions of a user in a channel."""
        if channel["type"] == 1:
            return discord.Permissions.all()
        guild = self.guilds[int(channel["guild_id"])]
        roles = {guild["id"], *self.member(int(guild["id"]), user_id)["roles"]}
        value = 0
        for role in guild["roles"]:
            value |= int(role["permissions"]) if role["id"] in roles else 0
        if value & permissions("administrator"):
            return discord.Permissions.all()
        if channel["type"] == 11:
            channel = self.channels[int(channel["parent_id"])]
        for overwrite in channel["permission_overwrites"]:
            if overwrite["id"] in roles or int(overwrite["id"]) == user_id:
                value = value & ~int(overwrite["deny"]) | int(overwrite["allow"])
        return discord.Permissions(value)

    # What the bot may do.

    def reachable(self, channel_id: int, needs: str = "view_channel") -> Json:
        """A channel, if the bot has the needed permission there."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise RefusedError(404, 10003, "Unknown Channel")
        if channel["type"] != 1 and int(channel["guild_id"]) not in self.guilds:
            raise RefusedError(403, 50001, "Missing Access")
        have = self.allowed(channel, APPLICATION)
        if not have.view_channel:
            raise RefusedError(403, 50001, "Missing Access")
        if not all(getattr(have, name) for name in needs.split()):
            raise RefusedError(403, 50013, "Missing Permissions")
        return channel

    def message(self, channel_id: int, message_id: int) -> Json:
        """A message that everybody in its channel can see."""
        found = self.messages.get(message_id)
        if found is None or found["channel_id"] != str(channel_id) or found["flags"] & EPHEMERAL:
            raise RefusedError(404, 10008, "Unknown Message")
        return found

    # Messages.

    def write(self, channel: Json, author: Json, body: Json, **more: Any) -> Json:
        # The first message of a forum's post has its id.
        first = channel["type"] == 11 and int(channel["id"]) not in self.messages
        message_id = int(channel["id"]) if first else snowflake()
        guild_id = channel.get("guild_id")
        content = body.get("content") or ""
        message: Json = {
            "id": str(message_id),
            "channel_id": channel["id"],
            "author": author,
            "content": content,
            "timestamp": now(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": self._mentioned(f"{content} {body.get('components')}"),
            "mention_roles": [],
            "attachments": [],
            "embeds": body.get("embeds") or [],
            "pinned": False,
            "type": 0,
            "flags": int(body.get("flags") or 0),
            "components": numbered(body.get("components") or []),
            **more,
        }
        if guild_id:
            message["guild_id"] = guild_id
        self.messages[message_id] = message
        return message

    def _mentioned(self, content: str) -> list[Json]:
        found = [int(number) for number in re.findall(r"<@!?(\d+)>", content)]
        return [self.users[number] for number in dict.fromkeys(found) if number in self.users]

    def attach(self, message: Json, content: bytes, filename: str, kind: str = "") -> Json:
        attachment = self.upload(int(message["channel_id"]), content, filename, kind)
        message["attachments"].append(attachment)
        return attachment

    def upload(self, channel_id: int, content: bytes, filename: str, kind: str = "") -> Json:
        """Store a file at a signed address."""
        file_id = snowflake()
        self.files[file_id] = content
        address = f"{self.address}/attachments/{channel_id}/{file_id}/{filename}?ex=1&is=1&hm=1"
        return {
            "id": str(file_id),
            "filename": filename,
            "size": len(content),
            "url": address,
            "proxy_url": address,
            "content_type": kind or "application/octet-stream",
        }


def numbered(components: list[Json]) -> list[Json]:
    """Components as Discord returns them, each with a number."""
    count = itertools.count(1)

    def named(one: Json) -> Json:
        made = {"id": next(count), **one}
        if "components" in one:
            made["components"] = [named(inner) for inner in one["components"]]
        return made

    return [named(one) for one in components]

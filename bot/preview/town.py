"""Guild of the preview: a small community's channels, members, posts and faces.

Avatars are drawn as PNG images: faces of a few shapes, so that readers of a channel tell its people
apart as in Discord.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, ClassVar, Final, NamedTuple

import discord
import simcord
from PIL import Image, ImageDraw
from simcord.backend import serializers
from simcord.backend.cdn import CDN_BASE
from simcord.http import router

from bot.preview.simcord_internals import ROUTES
from bot.process.login import invite_permissions

NAME: Final = "Commonplace"

GENERAL: Final = "#general"
HELP: Final = "#help"
QUESTIONS: Final = "#questions"
SHOWCASE: Final = "#showcase"
REVIEW: Final = "#review"

# Discord names an avatar's file by a digest. Here, each user has one.
AVATAR: Final = "face"


@dataclass(frozen=True, slots=True)
class Town:
    """A guild, its channels by name, and three members."""

    ROLES: ClassVar = ("member", "moderator", "admin")

    env: Any
    guild: Any
    channels: Mapping[str, Any]
    moderator_role: Any
    member: Any
    moderator: Any
    admin: Any

    @property
    def people(self) -> tuple[Any, ...]:
        return self.member, self.moderator, self.admin

    def person(self, user_id: int) -> Any:
        """Return the person with this id; the plain member for an unknown id."""
        return next((person for person in self.people if person.id == user_id), self.member)

    def avatars(self) -> dict[str, tuple[str, bytes]]:
        """Return file name and content of everybody's avatar, and of the bot's, by address."""
        users = [*(person.user for person in self.people), self.env.backend.bot_user]
        return {
            f"{CDN_BASE}/avatars/{user.id}/{AVATAR}.png": (f"{user.name}.png", avatar(user.name))
            for user in users
        }

    def threads(self) -> Iterator[Any]:
        """Return all posts and threads, oldest first."""
        channels = self.env.backend.channels.values()
        for channel in sorted(channels, key=lambda channel: channel.id):
            if channel.is_thread and channel.guild_id == self.guild.id:
                yield simcord.ChannelHandle(self.env, self.guild, channel)

    def emit_guild_create(self) -> None:
        """Send GUILD_CREATE, as Discord does after a guild adds the bot."""
        backend = self.env.backend
        payload: Any = serializers.guild_create_payload(backend, backend.get_guild(self.guild.id))
        joined = {name: payload[name] for name in payload if name != "unavailable"}
        backend.emit("GUILD_CREATE", joined)

    def post(self, forum: Any, author: Any, title: str, text: str) -> Any:
        """Create a forum post: a thread whose first message has the thread's id."""
        backend = self.env.backend
        thread = backend.create_thread(forum.id, title, author.id, broadcast=False)
        first = backend.prepare_message(thread.id, author.id, text)
        first.id = thread.id
        backend.announce_thread_create(thread)
        backend.commit_message(first)
        return simcord.ChannelHandle(self.env, self.guild, thread)


class _Typist(simcord.MemberActor):
    """Member whose typed `@Commonplace` becomes a mention, as in Discord's composer."""

    async def send(self, channel: Any, content: str = "", **options: Any) -> discord.Message:
        mention = f"<@{self._env.backend.bot_user.id}>"
        return await super().send(channel, content.replace(f"@{NAME}", mention), **options)


def build_town(env: Any) -> Town:
    """Make a guild that has added the bot, but not run `/setup`."""
    guild = env.create_guild(
        "Open Source Corner",
        description="A server to try Commonplace in.",
        preferred_locale=_machines_locale(),
    )
    # The invitation's role holds all of the bot's permissions.
    bot_role = next(role for role in guild.roles.values() if role._role.managed)
    granted = {"name": NAME, "permissions": invite_permissions().value}
    env.backend.edit_role(guild.id, bot_role.id, granted)
    moderators = guild.create_role(
        "Moderators", color=0xE67E22, permissions=discord.Permissions(manage_messages=True)
    )
    admins = guild.create_role("Admins", permissions=discord.Permissions(administrator=True))
    hidden = {
        guild.default_role: discord.PermissionOverwrite(view_channel=False),
        moderators: discord.PermissionOverwrite(view_channel=True),
        bot_role: discord.PermissionOverwrite(view_channel=True),
    }
    general = guild.create_text_channel("general", topic="Ask with /ask; add with /note add.")
    channels = {
        GENERAL: general,
        HELP: guild.create_text_channel("help", topic=f"Mention @{NAME} with a question."),
        QUESTIONS: guild.create_forum_channel("questions"),
        REVIEW: guild.create_text_channel(
            "review", overwrites=hidden, topic="Moderators decide on notes here."
        ),
    }
    guidelines = {"topic": "One question a post. Say what you tried."}
    env.backend.edit_channel(channels[QUESTIONS].id, guidelines)
    channels[SHOWCASE] = guild.create_text_channel("showcase", topic="Show what you have built.")
    soon = datetime.now(UTC) + timedelta(days=3)
    guild.create_scheduled_event(
        "Reading circle",
        start_time=soon.isoformat(),
        end_time=(soon + timedelta(hours=1)).isoformat(),
        entity_type=discord.EntityType.external.value,
        location="The library",
        description="We read a licence together, line by line.",
    )
    env.backend.edit_guild(guild.id, {"system_channel_id": general.id})
    env.backend.bot_user.avatar = AVATAR

    def join(name: str, *roles: Any) -> _Typist:
        user = env.create_user(name.lower(), global_name=name, avatar=AVATAR)
        joined = guild.add_member(user, roles=roles)
        return _Typist(env, guild, joined.user)

    return Town(
        env,
        guild,
        channels,
        moderators,
        join("Mia"),
        join("Max", moderators),
        join("Ada", admins),
    )


def _member_counts(context: router.RequestContext) -> dict[str, int]:
    """Answer a request for the number of members with each role, by role id."""
    guild = context.backend.get_guild(context.int_arg("guild_id"))
    held = [role_id for member in guild.members.values() for role_id in member.role_ids]
    return {str(role_id): held.count(role_id) for role_id in guild.roles if role_id != guild.id}


def _machines_locale() -> str:
    """The machine's language as Discord names it, for the bot's greeting."""
    language, _, country = os.environ.get("LANG", "").partition(".")[0].partition("_")
    names = {f"{language}-{country}", f"{language}-{language.upper()}", language}
    return next((known.value for known in discord.Locale if known.value in names), "en-US")


def add_routes() -> None:
    """Add the route of `_member_counts` to simcord, unless it was added before."""
    route = (["guilds", "{guild_id}", "roles", "member-counts"], _member_counts)
    if route not in ROUTES["GET"]:
        # Before the route of a single role, which would match it.
        ROUTES["GET"].insert(0, route)


# Faces.

SIZE: Final = 128
# Drawn larger and reduced, because Pillow draws edges without antialiasing.
_SCALE: Final = 4

_Shape = tuple[str, Sequence[int], str]


class _Face(NamedTuple):
    """Colours of a face, its hair behind the head, and what lies over it."""

    ground: str
    skin: str
    shirt: str
    behind: Sequence[_Shape]
    before: Sequence[_Shape]

    def shapes(self) -> list[_Shape]:
        ink = "#2b2118"
        return [
            *self.behind,
            ("ellipse", (22, 98, 106, 190), self.shirt),
            ("rectangle", (54, 82, 74, 104), self.skin),
            ("ellipse", (54, 96, 74, 112), self.skin),
            ("ellipse", (36, 28, 92, 94), self.skin),
            ("ellipse", (48, 58, 55, 66), ink),
            ("ellipse", (73, 58, 80, 66), ink),
            ("arc", (52, 62, 76, 82), ink),
            *self.before,
        ]


_FACES: Final[Mapping[str, _Face]] = {
    # Long hair.
    "mia": _Face(
        "#f2b84b",
        "#c98a63",
        "#2f6f73",
        [("ellipse", (26, 14, 102, 92), "#3a2318"), ("rectangle", (26, 52, 102, 112), "#3a2318")],
        [("chord", (34, 16, 94, 74), "#3a2318")],
    ),
    # Short hair and a beard.
    "max": _Face(
        "#7fb685",
        "#f0c8a0",
        "#34495e",
        [],
        [
            ("chord", (35, 20, 93, 72), "#a8552a"),
            ("beard", (37, 50, 91, 98), "#a8552a"),
            ("ellipse", (54, 70, 74, 80), "#f0c8a0"),
            ("arc", (54, 62, 74, 78), "#2b2118"),
        ],
    ),
    # Grey hair in a bun, and glasses.
    "ada": _Face(
        "#b59ad6",
        "#8d5a3b",
        "#b03a48",
        [("ellipse", (46, 4, 82, 40), "#d8d8dc")],
        [
            ("chord", (35, 21, 93, 73), "#d8d8dc"),
            ("ring", (42, 52, 62, 72), "#f4f4f4"),
            ("ring", (66, 52, 86, 72), "#f4f4f4"),
            ("rectangle", (61, 60, 67, 62), "#f4f4f4"),
        ],
    ),
}
# A speech bubble, as in `icon.svg`.
_BUBBLE: Final[Sequence[_Shape]] = (
    ("bubble", (32, 38, 96, 84), "#ffffff"),
    ("tail", (50, 82, 72, 100), "#ffffff"),
)


def _draw(pen: ImageDraw.ImageDraw, shape: _Shape) -> None:
    kind, (left, top, right, bottom), colour = shape
    box = tuple(_SCALE * place for place in (left, top, right, bottom))
    match kind:
        case "ellipse":
            pen.ellipse(box, fill=colour)
        case "rectangle":
            pen.rectangle(box, fill=colour)
        case "bubble":
            pen.rounded_rectangle(box, 10 * _SCALE, fill=colour)
        case "tail":
            pen.polygon([box[:2], (box[2], box[1]), (box[0], box[3])], fill=colour)
        case "chord":
            pen.chord(box, 190, 350, fill=colour)
        case "beard":
            pen.chord(box, 0, 180, fill=colour)
        case "arc":
            pen.arc(box, 30, 150, fill=colour, width=3 * _SCALE)
        case "ring":
            pen.ellipse(box, outline=colour, width=2 * _SCALE)


def avatar(name: str) -> bytes:
    """Return the picture of the person with this user name, or of the bot, as PNG."""
    face = _FACES.get(name)
    picture = Image.new("RGB", (SIZE * _SCALE,) * 2, face.ground if face else "#5865f2")
    pen = ImageDraw.Draw(picture)
    for shape in face.shapes() if face else _BUBBLE:
        _draw(pen, shape)
    buffer = BytesIO()
    picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()

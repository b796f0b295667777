"""A server as real ones are, with the bot in it: who is there, where they talk, what they do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import discord
from simcord import ChannelHandle, Env, GuildHandle, InteractionResult, MemberActor, RoleHandle
from simcord.backend import serializers
from simcord.interactions import base_payload

from bot.ask.messages import MENU_LABELS
from bot.core.core import Core
from bot.interactions.policy.permissions import SHOWN_TO_MODERATORS
from bot.process.client import Bot
from bot.process.login import invite_permissions
from bot.review import service as review_service
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member, Note
from knowledge.values.questions import Question
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.bot import strictness
from tests.refused import refused_questions

_Result = TypeVar("_Result")

TITLE: Final = "Lisbon meetup"
TEXT: Final = "The community meetup is in Lisbon at Rua Augusta on Fridays."
QUESTION: Final = "community meetup Lisbon Rua Augusta"

# A note of two sections, and a question that only makes sense after `QUESTION`.
TICKETS: Final = "Tickets are free at the door."
SECTIONS: Final = f"## Place\n\n{TEXT}\n\n## Tickets\n\n{TICKETS}"
AFTER: Final = "and the tickets?"

# No word of it is in any article, nor in the note.
UNKNOWN: Final = "Zanzibar ferry timetable"

_INTERACTION: Final = "INTERACTION_CREATE"
_CLICK: Final = 3
_BUTTON: Final = 2
_FORM: Final = 5
_LIST: Final = 3
_TEXT: Final = 4
_LABEL: Final = 18
_DISPLAY: Final = 10
# Makes another bot on the same data folder.
NewBot = Callable[[], Bot]


@dataclass
class World:
    """A guild that has been set up, and the environment that it lives in."""

    env: Env
    guild: GuildHandle
    general: ChannelHandle
    help: ChannelHandle
    review: ChannelHandle
    bot_role: RoleHandle
    moderator_role: RoleHandle
    member: MemberActor
    second_member: MemberActor
    moderator: MemberActor
    second_moderator: MemberActor
    admin: MemberActor

    @property
    def bot(self) -> Bot:
        assert isinstance(self.env.bot, Bot)
        return self.env.bot

    async def core(self, function: Callable[[Core], _Result]) -> _Result:
        """Call the core in its thread, as the bot does."""
        return await self.bot.worker.call(function)

    async def set_up(self) -> None:
        """Keep what `/setup` would keep."""
        chosen = GuildSettings(self.guild.id, self.review.id, self.moderator_role.id)
        await self.core(lambda core: core.store.guilds.save_settings(chosen, self.admin.id))

    def speaks(self, actor: MemberActor, locale: str) -> None:
        """Choose the language of somebody's client, which Discord says with each interaction."""
        backend: Any = self.env.backend
        emit = backend.emit

        def emitted(event: str, payload: dict[str, Any]) -> None:
            who = payload.get("member", payload).get("user", {}) if event == _INTERACTION else {}
            if who.get("id") == str(actor.id):
                payload = {**payload, "locale": locale}
            emit(event, payload)

        backend.emit = emitted

    async def show_to_all(self, name: str) -> None:
        """Have Discord offer a command to everybody, as *Server Settings > Integrations* can."""
        [command] = [one for one in await self.bot.tree.fetch_commands() if one.name == name]
        self.guild.set_command_permissions(command, {self.guild.default_role: True})

    @property
    def people(self) -> tuple[MemberActor, ...]:
        """Everybody but the bot."""
        return (
            self.member,
            self.second_member,
            self.moderator,
            self.second_moderator,
            self.admin,
        )

    def demote(self, moderator: MemberActor) -> None:
        """Take the moderators' role from somebody."""
        self.env.backend.remove_member_role(self.guild.id, moderator.id, self.moderator_role.id)

    async def restart(self, bot: Bot) -> None:
        """Replace the bot by another one, whose worker must not be open before."""
        await self.env.restart_bot(bot)

    async def propose(
        self, title: str = TITLE, text: str = TEXT, tags: str = "", link: str = ""
    ) -> InteractionResult:
        """Fill in the form of `/note add` as the member, and submit it."""
        return await self.propose_as(self.member, title, text, tags, link)

    async def propose_as(
        self, actor: MemberActor, title: str = TITLE, text: str = TEXT, *more: str
    ) -> InteractionResult:
        """Fill in the form of `/note add`, and submit it; `more` are tags and link."""
        form = await actor.slash(self.general, "note add")
        result = await actor.submit_modal(form, {"title": title, "text": text})
        if result.response is not None and "draft:submit" in custom_ids(result.response):
            await actor.click(result.response, custom_id="draft:submit")
        if any(more) and "Add details" in buttons(result.response):
            assert result.response is not None
            details = await actor.click(result.response, label="Add details")
            fields = dict(zip(("tags", "link"), more, strict=True))
            return await actor.submit_modal(details, fields)
        return result

    @property
    def card(self) -> discord.Message:
        """The last review card, as it is now."""
        message = self.review.last_message
        assert message is not None
        return message

    async def publish(self, title: str = TITLE, text: str = TEXT) -> None:
        """Propose a note and approve it."""
        await self.propose(title, text)
        [approve] = [one for one in custom_ids(self.card) if one.endswith(":approve")]
        await self.moderator.click(self.card, custom_id=approve)

    async def add_note(
        self,
        title: str = TITLE,
        text: str = TEXT,
        *,
        link: str = "",
        tags: tuple[str, ...] = (),
        by: MemberActor | None = None,
    ) -> None:
        """Publish a note without its form and card, in a thirtieth of their time."""
        author = by or self.member
        note = Submission(title, text, tags=tags, link=link)

        def propose_and_approve(core: Core) -> None:
            guild_id, contributor = self.guild.id, Member(author.id, author.name)
            proposed = core.store.contributions.propose(
                guild_id, contributor, self.general.id, note
            )
            moderator = Member(self.moderator.id, self.moderator.name)
            revision_id = proposed.note.revision.id
            review_service.decide(core, guild_id, revision_id, moderator, Ruling(Decision.APPROVE))

        await self.core(propose_and_approve)

    async def ask(
        self, question: str = QUESTION, *, by: MemberActor | None = None, **options: Any
    ) -> InteractionResult:
        return await (by or self.member).slash(self.general, "ask", question=question, **options)

    async def note(self, revision_id: int = 1) -> Note:
        note = await self.core(lambda core: core.store.notes.find(revision_id, self.guild.id))
        assert isinstance(note, Note)
        return note

    async def recorded(self, question_id: int) -> Question:
        question = await self.core(lambda core: core.store.question_records.question(question_id))
        assert question is not None
        return question

    async def gaps(self, guild_id: int | None) -> list[Question]:
        def gaps(core: Core) -> list[Question]:
            return refused_questions(core.store, guild_id)

        return await self.core(gaps)

    async def admin_deletes(self, message: discord.Message) -> None:
        """Delete a message by hand."""
        await self.admin.delete(message)

    def press(
        self,
        actor: MemberActor,
        message: discord.Message,
        custom_id: str,
        values: Sequence[str] | None = None,
    ) -> InteractionResult:
        """Click without waiting for the bot: together with somebody, or on a forged button.

        With `values` it is a list from which these are chosen.
        """
        kind = _BUTTON if values is None else _LIST
        chosen = {} if values is None else {"values": list(values)}
        backend = self.env.backend
        record, payload = base_payload(
            backend,
            type=_CLICK,
            channel_id=message.channel.id,
            guild_id=actor.guild.id,
            user_id=actor.id,
            data={"custom_id": custom_id, "component_type": kind, **chosen},
        )
        stored = backend.get_message(message.channel.id, message.id)
        shown: dict[str, Any] = {**serializers.message_payload(backend, stored)}
        if custom_id not in [
            one.get("custom_id") for one in strictness.everything_in(shown["components"])
        ]:
            forged: dict[str, Any] = {"type": kind, "custom_id": custom_id}
            forged |= {"style": 1, "label": "Forged"} if values is None else {"options": []}
            shown["components"] += [{"type": 1, "components": [forged]}]
        payload["message"] = shown
        record.source_message_id = message.id
        backend.emit("INTERACTION_CREATE", payload)
        return InteractionResult(self.env, record)

    def submit(
        self, actor: MemberActor, custom_id: str, fields: Mapping[str, str | list[str]]
    ) -> InteractionResult:
        """Send a form that no bot has opened, without waiting for the bot; lists are choices."""
        components = [
            {"type": _LABEL, "component": {"type": _TEXT, "custom_id": name, "value": value}}
            if isinstance(value, str)
            else {"type": _LABEL, "component": {"type": _LIST, "custom_id": name, "values": value}}
            for name, value in fields.items()
        ]
        record, payload = base_payload(
            self.env.backend,
            type=_FORM,
            channel_id=self.general.id,
            guild_id=actor.guild.id,
            user_id=actor.id,
            data={"custom_id": custom_id, "components": components},
        )
        self.env.backend.emit("INTERACTION_CREATE", payload)
        return InteractionResult(self.env, record)


def build_world(env: Env, name: str = "Open Source Corner") -> World:
    """Make a guild in which the bot has what its invitation asks for, and nothing more."""
    guild = env.create_guild(name)
    bot_role = next(role for role in guild.roles.values() if role._role.managed)
    env.backend.edit_role(guild.id, bot_role.id, {"permissions": invite_permissions().value})
    moderators = guild.create_role("Moderators", permissions=SHOWN_TO_MODERATORS)
    admins = guild.create_role("Admins", permissions=discord.Permissions(administrator=True))
    seen = discord.PermissionOverwrite(view_channel=True)
    review = guild.create_text_channel(
        "review",
        overwrites={
            guild.default_role: discord.PermissionOverwrite(view_channel=False),
            moderators: seen,
            bot_role: seen,
        },
    )

    def join(username: str, *roles: RoleHandle) -> MemberActor:
        return guild.add_member(env.create_user(f"{username}-{guild.id}"), roles=roles)

    return World(
        env=env,
        guild=guild,
        general=guild.create_text_channel("general"),
        help=guild.create_text_channel("help"),
        review=review,
        bot_role=bot_role,
        moderator_role=moderators,
        member=join("mia"),
        second_member=join("noah"),
        moderator=join("max", moderators),
        second_moderator=join("mona", moderators),
        admin=join("ada", admins),
    )


def buttons(message: Any) -> list[str]:
    """The labels of a message's buttons that do something, in order."""
    return [one["label"] for one in _components(message) if "label" in one and "url" not in one]


def choices(message: Any) -> dict[str, str]:
    """What the lists below a message offer, besides an answer's actions: labels by value."""
    return {
        option["value"]: option["label"]
        for component in _components(message)
        for option in component.get("options") or []
        if option["value"].partition(":")[0] not in MENU_LABELS
    }


def actions(message: Any) -> list[str]:
    """The actions in the menu below an answer."""
    return [
        option["value"]
        for component in _components(message)
        for option in component.get("options") or []
        if option["value"].partition(":")[0] in MENU_LABELS
    ]


def custom_ids(message: Any) -> list[str]:
    """The ids of a message's buttons, in order, whatever language their labels are in."""
    return [
        component["custom_id"] for component in _components(message) if "custom_id" in component
    ]


def text_of(message: Any) -> str:
    """What a message says: its content, or the texts among its components."""
    displays = [one["content"] for one in _components(message) if one["type"] == _DISPLAY]
    written = message["content"] if isinstance(message, dict) else message.content
    return "\n".join(displays) or str(written)


def links(message: Any) -> list[str]:
    """Where the buttons of a message lead that lead somewhere."""
    return [component["url"] for component in _components(message) if "url" in component]


def _components(message: Any) -> list[Mapping[str, Any]]:
    components = message["components"] if isinstance(message, dict) else message.components
    rows = [
        row if isinstance(row, dict) else row.to_dict()  # a response has what came over the wire
        for row in components
    ]
    return list(strictness.everything_in(rows))


def parts(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A command, its subcommands, options and choices."""
    yield command
    for option in [*(command.get("options") or []), *(command.get("choices") or [])]:
        yield from parts(option)

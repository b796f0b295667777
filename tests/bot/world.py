"""A server as real ones are, with the bot in it: who is there, where they talk, what they do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import discord
from simcord import (
    ChannelHandle,
    Env,
    GuildHandle,
    InteractionResult,
    MemberActor,
    RoleHandle,
)
from simcord.backend import serializers
from simcord.backend.models.channel import Overwrite
from simcord.enums import ChannelType, OverwriteType
from simcord.interactions import base_payload

from bot.ask.messages import MENU_LABELS
from bot.core.core import Core
from bot.interactions.policy.permissions import SHOWN_TO_MODERATORS
from bot.process.client import Bot
from bot.process.login import invite_permissions
from bot.review import service as review_service
from bot.review.ui.panel import ReviewPage
from bot.setup.settings import SETTINGS, Page
from indexer.ingest.pipeline import index_document
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import Document, Kind, channel_scope
from knowledge.values.notes import Decision, Member, Note, State
from knowledge.values.questions import Question
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.bot import strictness
from tests.bot.message_parts import (
    buttons,
    choices,
    content,
    custom_ids,
    everything,
    shown_message,
    text_of,
)
from tests.refused import refused_questions

_Result = TypeVar("_Result")

TITLE: Final = "Lisbon meetup"
TEXT: Final = "The community meetup is in Lisbon at Rua Augusta on Fridays."
QUESTION: Final = "community meetup Lisbon Rua Augusta"

# A note of two sections, and a question that only makes sense after `QUESTION`.
TICKETS: Final = "Tickets are free at the door."
SECTIONS: Final = f"## Place\n\n{TEXT}\n\n## Tickets\n\n{TICKETS}"
AFTER: Final = "and the tickets?"

# What stands in an answer from the note of the world, and texts that take the place of its own.
SENTENCE = "meetup is in Lisbon at Rua Augusta"
EDITED = "The community meetup is in Lisbon at Rua Augusta on Saturdays."
NEW_TEXT = "The community meetup is in Porto at Rua das Flores on Mondays."

# No word of it is in any article, nor in the note.
UNKNOWN: Final = "Zanzibar ferry timetable"

_INTERACTION: Final = "INTERACTION_CREATE"
_CLICK: Final = 3
_BUTTON: Final = 2
_FORM: Final = 5
_LIST: Final = 3
_TEXT: Final = 4
_LABEL: Final = 18
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

    def notices(self) -> list[str]:
        """What the contributor was told by direct message."""
        return [text_of(message) for message in self.member.user.dm_channel.history()]

    async def read_only(self, *languages: str) -> None:
        """The serving model reads these languages alone, as its card says."""

        def change(core: Core) -> None:
            core.served = replace(
                core.served, model=replace(core.served.model, languages=languages)
            )
            core.retriever.languages = frozenset(languages)

        await self.core(change)

    async def start_again(self, new_bot: NewBot) -> None:
        """The process ends and starts again on the same data folder."""
        await self.bot.close()
        await self.restart(new_bot())

    async def open_setup(self, page: Page | None = None, by: MemberActor | None = None) -> Any:
        """The panel of `/setup` that an administrator has opened, at one of its pages."""
        actor = by or self.admin
        panel = shown_message(await actor.slash(self.general, "setup"))
        if page is not None:
            await actor.select(panel, [page], custom_id="setup_page")
        return panel

    async def open_setting(self, key: str, by: MemberActor | None = None) -> Any:
        """The panel of `/setup` at the control or form of one setting."""
        page, actor = SETTINGS[key].page, by or self.admin
        panel = await self.open_setup(page, by)
        if f"setting:{key}" not in custom_ids(panel):
            result = await actor.select(panel, [key], custom_id=f"change:{page}:0")
            return result if result.modal is not None else panel
        return panel

    async def choose(self, **chosen: Any) -> str:
        """What the panel of `/setup` says when an administrator has chosen these, one by one.

        The last one's page is shown; channels and roles are lists.
        """
        panel = None
        for name, value in chosen.items():
            panel = await self.open_setting(name)
            values = value if isinstance(value, list) else [value]
            await self.admin.select(panel, values, custom_id=f"setting:{name}")
        return text_of(panel)

    async def answer(self) -> str:
        """What a member is answered, without the marks of the deciding sentence."""
        return content(await self.ask()).replace("**", "")

    async def answers_mention(self, channel: ChannelHandle) -> bool:
        """Whether the bot answers when it is mentioned there."""
        bot_user = self.bot.user
        assert bot_user is not None
        await self.member.send(channel, f"<@{bot_user.id}> What is open source AI?")
        last = channel.last_message
        return last is not None and last.author.id == bot_user.id

    async def state(self, revision_id: int = 1) -> State:
        return (await self.note(revision_id)).revision.state

    async def decide(
        self, actor: MemberActor, label: str, fields: dict[str, str]
    ) -> InteractionResult:
        """The response to a decision that needs a form."""
        form = await actor.click(self.card, label=label)
        return await actor.submit_modal(form, fields)

    async def reject(self, reason: str = "Not about our topic.") -> InteractionResult:
        return await self.decide(self.moderator, "Reject", {"reason": reason})

    async def open_review(
        self, page: ReviewPage = ReviewPage.QUEUE, by: MemberActor | None = None
    ) -> Any:
        """The panel of `/review` that a moderator has opened, at one of its pages."""
        actor = by or self.moderator
        panel = shown_message(await actor.slash(self.review, "review"))
        if page is not ReviewPage.QUEUE:
            await actor.select(panel, [page], custom_id="review_page")
        return panel

    async def open_note(self, number: int = 1) -> Any:
        """The panel of `/review` with one note."""
        panel = await self.open_review(ReviewPage.NOTE)
        await self.moderator.select(panel, [str(number)], custom_id="review_note")
        return panel

    async def set_rule(
        self, tag: str = "", quorum: int = 1, days: int | None = None, role: Any = None
    ) -> InteractionResult:
        """The response to a rule for a tag that an administrator sets."""
        panel = await self.open_review(ReviewPage.RULES, self.admin)
        form = await self.admin.select(panel, ["+"], custom_id="rules")
        fields: dict[str, Any] = {"tag": tag, "quorum": str(quorum), "days": str(days or "")}
        return await self.admin.submit_modal(form, {**fields, **({"role": [role]} if role else {})})

    async def propose_all(self, submissions: Sequence[Submission], channel_id: int) -> None:
        """Notes that are proposed without Discord: quickly, and without their cards."""
        mia = Member(self.member.id, "mia")

        def propose(core: Core) -> None:
            for submission in submissions:
                review_service.update_index(
                    core,
                    core.store.contributions.propose(self.guild.id, mia, channel_id, submission),
                )

        await self.core(propose)

    async def edit(self, text: str = NEW_TEXT, note: str = TITLE) -> InteractionResult:
        """The response to another text that its contributor proposes for a note."""
        form = await on_note(self.member, self.general, "Edit", note)
        return await self.member.submit_modal(form, {"title": TITLE, "text": text})

    async def add_guild(self) -> "World":
        """Another server, whose moderator forges ids of what is in the first one."""
        await self.publish()
        await self.ask()
        await self.ask(UNKNOWN)
        await self.propose("Second", "Another text, on ferries.")
        other = build_world(self.env, "Another")
        await other.set_up()
        await other.moderator.send(other.general, "hello")
        return other


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


# A command of each kind, with its options.
COMMANDS: dict[str, dict[str, Any]] = {
    "ask": {"question": QUESTION},
    "note mine": {},
    "note show": {"note": TITLE},
    "review": {},
    "gaps": {},
    "stats": {},
    "privacy": {},
}


OTHER_PASSAGES = "Other passages"


async def looked_into(actor: Any, message: Any, label: str) -> str:
    """What somebody is shown who clicks below an answer, or looks at every passage of its list."""
    if label != OTHER_PASSAGES:
        return everything(await in_menu(actor, message, label))
    shown = [await in_menu(actor, message, digest) for digest in choices(message)]
    return "\n".join(everything(message) for message in shown)


async def in_menu(actor: Any, message: Any, value: str) -> InteractionResult:
    """The response to a choice in the menu below an answer: an action's label, or a passage."""
    labels = {label.english: action for action, label in MENU_LABELS.items()}
    [select] = [name for name in custom_ids(message) if name.startswith("passages:")]
    result = await actor.select(message, [labels.get(value, value)], custom_id=select)
    assert isinstance(result, InteractionResult)
    return result


async def on_note(
    actor: MemberActor, channel: ChannelHandle, label: str, note: str = TITLE
) -> InteractionResult:
    """The response to a button below a shown note."""
    shown = await actor.slash(channel, "note show", note=note)
    return await actor.click(shown_message(shown), label=label)


# What no article and no question here says.
SECRET: Final = f"{TEXT} Bring a xylophone."
HEADLINE: Final = "Xylophones among staff"

VIEW: Final = discord.Permissions(view_channel=True).value


@dataclass
class Town:
    """A world with a staff channel in which something was said, and its thread."""

    world: World
    staff: ChannelHandle
    thread: ChannelHandle

    async def say(self, channel: ChannelHandle, text: str = SECRET, title: str = HEADLINE) -> str:
        """Have something in the index that was said in a followed channel."""
        link = f"https://discord.com/channels/{self.world.guild.id}/{channel.id}/1"
        said = Document(
            f"chat:{channel.id}", channel_scope(channel.id), Kind.CHAT, title, text, link
        )
        await self.world.core(lambda core: index_document(core.index, core.embedder, said))
        self.world.bot.followed.setdefault(self.world.guild.id, set()).add(channel.id)
        return said.id

    async def forget(self, document_id: str) -> None:
        """Take out what was said, as when its message is deleted."""
        await self.world.core(lambda core: core.index.tables.apply([], [document_id]))

    def hide(self, channel: ChannelHandle, role_id: int) -> None:
        """Keep a role from a channel."""
        hidden = Overwrite(role_id, OverwriteType.ROLE, deny=VIEW)
        self.world.env.backend.set_overwrite(channel.id, hidden)

    def show(self, channel: ChannelHandle, target_id: int, kind: OverwriteType) -> None:
        """Let a role or a member see a channel."""
        shown = Overwrite(target_id, kind, allow=VIEW)
        self.world.env.backend.set_overwrite(channel.id, shown)

    def thread_in(self, channel: ChannelHandle, kind: int) -> ChannelHandle:
        """A new thread, begun by the moderator."""
        made = self.world.env.backend.create_thread(
            channel.id, "thread", self.world.moderator.id, type=kind
        )
        return ChannelHandle(self.world.env, self.world.guild, made)


async def build_town(world: World) -> Town:
    """A world with a staff channel in which something was said."""
    seen = discord.PermissionOverwrite(view_channel=True)
    staff = world.guild.create_text_channel(
        "staff",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.moderator_role: seen,
            world.bot_role: seen,
        },
    )
    made = Town(world, staff, staff)
    made.thread = made.thread_in(staff, ChannelType.PUBLIC_THREAD)
    await made.say(staff)
    return made


def is_told(text: str) -> bool:
    """Whether anything of what was said is in a text, or its title."""
    return "xylophone" in text.casefold()

"""Steps that tests of several features take in Discord, and what members read of the responses."""

from collections.abc import Sequence
from dataclasses import replace
from string import Formatter
from typing import Any

from simcord import ChannelHandle, InteractionResult, MemberActor, ResponseMessage

from bot.ask.messages import MENU_LABELS
from bot.core.core import Core
from bot.review import service as review_service
from bot.review.ui.panel import ReviewPage
from bot.setup.settings import SETTINGS, Page
from bot.text.languages import Sentence
from knowledge.values.notes import Member, State
from knowledge.values.submissions import Submission
from tests.bot.world import (
    QUESTION,
    TITLE,
    UNKNOWN,
    NewBot,
    World,
    build_world,
    choices,
    custom_ids,
    text_of,
)

# What stands in an answer from the note of the world, and texts that take the place of its own.
SENTENCE = "meetup is in Lisbon at Rua Augusta"
EDITED = "The community meetup is in Lisbon at Rua Augusta on Saturdays."
NEW_TEXT = "The community meetup is in Porto at Rua das Flores on Mondays."

# Responses.

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


def shown_message(result: InteractionResult) -> ResponseMessage:
    assert result.response is not None
    return result.response


def content(result: InteractionResult) -> str:
    """The text of a response."""
    return text_of(shown_message(result))


def said(result: InteractionResult) -> str:
    """The text of a private response."""
    assert shown_message(result).ephemeral
    return content(result)


def everything(result: InteractionResult) -> str:
    """Everything that was said in response to an interaction."""
    parts = [result.response, *result.followups]
    return "\n".join(text_of(part) for part in parts if part is not None)


def told(world: World) -> list[str]:
    """What the contributor was told by direct message."""
    return [text_of(message) for message in world.member.user.dm_channel.history()]


def longest_part(sentence: Sentence) -> str:
    """The longest part of a sentence between its fields, which are of no interest."""
    return max((part for part, *_ in Formatter().parse(sentence.english)), key=len)


def up_to(field: str, sentence: Sentence, **values: object) -> str:
    """The beginning of a sentence, as far as a field of no interest."""
    beginning, found, _ = sentence.english.partition(f"{{{field}")
    assert found
    return beginning.format(**values)


# Steps.

OTHER_PASSAGES = "Other passages"


async def looked_into(actor: Any, message: Any, label: str) -> str:
    """What somebody is shown who clicks below an answer, or looks at every passage of its list."""
    if label != OTHER_PASSAGES:
        return everything(await in_menu(actor, message, label))
    shown = [await in_menu(actor, message, digest) for digest in choices(message)]
    return "\n".join(everything(one) for one in shown)


async def in_menu(actor: Any, message: Any, value: str) -> InteractionResult:
    """The response to a choice in the menu below an answer: an action's label, or a passage."""
    labels = {label.english: action for action, label in MENU_LABELS.items()}
    [select] = [one for one in custom_ids(message) if one.startswith("passages:")]
    result = await actor.select(message, [labels.get(value, value)], custom_id=select)
    assert isinstance(result, InteractionResult)
    return result


async def only_reads(world: World, *languages: str) -> None:
    """The serving model reads these languages alone, as its card says."""

    def change(core: Core) -> None:
        core.served = replace(core.served, model=replace(core.served.model, languages=languages))
        core.retriever.languages = frozenset(languages)

    await world.core(change)


async def restarted(world: World, new_bot: NewBot) -> None:
    """The process ends and starts again on the same data folder."""
    await world.bot.close()
    await world.restart(new_bot())


async def opened(world: World, page: Page | None = None, by: MemberActor | None = None) -> Any:
    """The panel of `/setup` that an administrator has opened, at one of its pages."""
    actor = by or world.admin
    panel = shown_message(await actor.slash(world.general, "setup"))
    if page is not None:
        await actor.select(panel, [page], custom_id="setup_page")
    return panel


async def opened_at(world: World, key: str, by: MemberActor | None = None) -> Any:
    """The panel of `/setup` at the control or form of one setting."""
    page, actor = SETTINGS[key].page, by or world.admin
    panel = await opened(world, page, by)
    if f"setting:{key}" not in custom_ids(panel):
        result = await actor.select(panel, [key], custom_id=f"change:{page}:0")
        return result if result.modal is not None else panel
    return panel


async def choose(world: World, **chosen: Any) -> str:
    """What the panel of `/setup` says when an administrator has chosen these, one by one.

    The last one's page is shown; channels and roles are lists.
    """
    panel = None
    for name, value in chosen.items():
        panel = await opened_at(world, name)
        values = value if isinstance(value, list) else [value]
        await world.admin.select(panel, values, custom_id=f"setting:{name}")
    return text_of(panel)


async def answer(world: World) -> str:
    """What a member is answered, without the marks of the deciding sentence."""
    return content(await world.ask()).replace("**", "")


async def answers_mention(world: World, channel: ChannelHandle) -> bool:
    """Whether the bot answers when it is mentioned there."""
    bot_user = world.bot.user
    assert bot_user is not None
    await world.member.send(channel, f"<@{bot_user.id}> What is open source AI?")
    last = channel.last_message
    return last is not None and last.author.id == bot_user.id


async def state(world: World, revision_id: int = 1) -> State:
    return (await world.note(revision_id)).revision.state


async def decided(
    world: World, actor: MemberActor, label: str, fields: dict[str, str]
) -> InteractionResult:
    """The response to a decision that needs a form."""
    form = await actor.click(world.card, label=label)
    return await actor.submit_modal(form, fields)


async def reject(world: World, reason: str = "Not about our topic.") -> InteractionResult:
    return await decided(world, world.moderator, "Reject", {"reason": reason})


async def reviewed(
    world: World, page: ReviewPage = ReviewPage.QUEUE, by: MemberActor | None = None
) -> Any:
    """The panel of `/review` that a moderator has opened, at one of its pages."""
    actor = by or world.moderator
    panel = shown_message(await actor.slash(world.review, "review"))
    if page is not ReviewPage.QUEUE:
        await actor.select(panel, [page], custom_id="review_page")
    return panel


async def reviewed_note(world: World, number: int = 1) -> Any:
    """The panel of `/review` with one note."""
    panel = await reviewed(world, ReviewPage.NOTE)
    await world.moderator.select(panel, [str(number)], custom_id="review_note")
    return panel


async def rule(
    world: World, tag: str = "", quorum: int = 1, days: int | None = None, role: Any = None
) -> InteractionResult:
    """The response to a rule for a tag that an administrator sets."""
    panel = await reviewed(world, ReviewPage.RULES, world.admin)
    form = await world.admin.select(panel, ["+"], custom_id="rules")
    fields: dict[str, Any] = {"tag": tag, "quorum": str(quorum), "days": str(days or "")}
    return await world.admin.submit_modal(form, {**fields, **({"role": [role]} if role else {})})


async def proposed(world: World, submissions: Sequence[Submission], channel_id: int) -> None:
    """Notes that are proposed without Discord: quickly, and without their cards."""
    mia = Member(world.member.id, "mia")

    def propose(core: Core) -> None:
        for submission in submissions:
            review_service.update_index(
                core, core.store.contributions.propose(world.guild.id, mia, channel_id, submission)
            )

    await world.core(propose)


async def on_note(
    actor: MemberActor, channel: ChannelHandle, label: str, note: str = TITLE
) -> InteractionResult:
    """The response to a button below a shown note."""
    shown = await actor.slash(channel, "note show", note=note)
    return await actor.click(shown_message(shown), label=label)


async def edit(world: World, text: str = NEW_TEXT, note: str = TITLE) -> InteractionResult:
    """The response to another text that its contributor proposes for a note."""
    form = await on_note(world.member, world.general, "Edit", note)
    return await world.member.submit_modal(form, {"title": TITLE, "text": text})


async def elsewhere(world: World) -> World:
    """Another server, whose moderator forges ids of what is in the first one."""
    await world.publish()
    await world.ask()
    await world.ask(UNKNOWN)
    await world.propose("Second", "Another text, on ferries.")
    other = build_world(world.env, "Another")
    await other.set_up()
    await other.moderator.send(other.general, "hello")
    return other

"""*Save as note* on a thread's first message: the whole exchange, or one message and the reason."""

from typing import Any

import discord
import pytest
from simcord import ChannelHandle, InteractionResult, MemberActor
from simcord.enums import ChannelType, MessageType

from bot.config.settings import Settings, SourceSettings
from bot.core.core import Core
from bot.notes import drafts
from bot.notes.drafts import from_file
from knowledge.values.drafts import Draft
from knowledge.values.notes import SourceMessage
from knowledge.values.submissions import FORM_CHARACTERS, TEXT_CHARACTERS
from tests.bot.forum import ANSWER, QUESTION, TITLE, Forum, make_forum, page_as_discord_does
from tests.bot.message_parts import buttons, said, shown_message
from tests.bot.spoken import english
from tests.bot.world import NewBot, World


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With *Message Content*."""
    return Settings(
        data=settings.data, questions=settings.questions, sources=SourceSettings(channels=True)
    )


@pytest.fixture
def forum(world: World) -> Forum:
    return make_forum(world)


@pytest.fixture(autouse=True)
def _pages(monkeypatch: pytest.MonkeyPatch) -> None:
    page_as_discord_does(monkeypatch)


async def saved(
    world: World, forum: Forum, thread: ChannelHandle, by: MemberActor | None = None
) -> InteractionResult:
    first = forum.first_message(thread)
    return await (by or world.member).context_menu(thread, "Save as note", first)


async def draft_of(result: InteractionResult) -> Draft:
    [file] = shown_message(result).attachments
    draft = from_file(await file.read())
    assert draft is not None
    return draft


async def test_a_forum_post_is_saved_over_a_restart(
    world: World, forum: Forum, new_bot: NewBot
) -> None:
    thread, answered = await forum.solved()
    await world.moderator.send(thread, "A snow anchor made of a buried bag holds even better.")
    for text in ("good morning everyone", "haha nice", "you are welcome"):
        await world.second_moderator.send(thread, text)

    result = await saved(world, forum, thread)

    assert "3 messages by 3 members" in said(result)
    assert buttons(shown_message(result)) == ["Continue editing"]
    draft = await draft_of(result)
    assert draft.title == TITLE
    assert draft.link == forum.first_message(thread).jump_url
    assert draft.source == SourceMessage(thread.id, thread.id)
    assert QUESTION in draft.text
    assert ANSWER in draft.text.split("## Replies")[0]
    assert "buried bag" in draft.text.split("## Replies")[1]
    assert f"**[{world.second_member.name}]({answered.jump_url})**" in draft.text
    # Small talk is left out.
    assert "Thanks" not in draft.text
    assert world.second_moderator.name not in draft.text

    await world.start_again(new_bot)
    form = await world.member.click(shown_message(result), label="Continue editing")
    await world.member.submit_modal(form, {"title": TITLE, "text": draft.text, "link": draft.link})
    note = await world.note()
    assert note.revision.submission.text == draft.text
    assert note.source == SourceMessage(thread.id, thread.id)


async def test_a_thread_is_saved_with_its_starter(world: World) -> None:
    message = await world.member.send(world.help, QUESTION)
    made = world.env.backend.create_thread(
        world.help.id, TITLE, world.member.id, message_id=message.id
    )
    thread = ChannelHandle(world.env, world.guild, made)
    await world.second_member.send(thread, ANSWER)
    await world.member.send(thread, "Thanks, that worked!")
    stored = world.env.backend.get_message(world.help.id, message.id)
    stored.flags |= discord.MessageFlags(has_thread=True).value

    result = await world.member.context_menu(world.help, "Save as note", message)

    draft = await draft_of(result)
    assert QUESTION in draft.text
    assert ANSWER in draft.text
    assert draft.link == message.jump_url


async def test_an_unanswered_thread_is_its_first_message(world: World, forum: Forum) -> None:
    thread = await forum.post()

    result = await saved(world, forum, thread)

    assert said(result).startswith(drafts.NO_ANSWER.english)
    assert (await draft_of(result)).text == f"{QUESTION}\n\n— {world.member.name}"


async def test_a_later_message_is_saved_alone(world: World, forum: Forum) -> None:
    thread, answered = await forum.solved()

    form = await world.member.context_menu(thread, "Save as note", answered)

    assert form.modal is not None
    [text] = [
        label["component"]["value"]
        for label in form.modal["components"]
        if label["component"]["custom_id"] == "text"
    ]
    assert text == f"{ANSWER}\n\n— {world.second_member.name}"


async def test_a_long_exchange_is_a_file(world: World, forum: Forum) -> None:
    thread, _ = await forum.solved()
    people = (world.moderator, world.second_moderator)
    for number in range(20):
        await people[number % 2].send(thread, f"Guy line {number} holds. " * 80)

    result = await saved(world, forum, thread)

    assert drafts._LONG.english in said(result)
    draft = await draft_of(result)
    assert FORM_CHARACTERS < len(draft.text) <= TEXT_CHARACTERS
    kept = draft.text.count("\n\nGuy line ")
    assert draft.text.endswith(f"Guy line {kept - 1} holds.")
    assert f"The last {20 - kept} messages didn't fit." in said(result)
    form = await world.member.click(shown_message(result), label="Continue editing")
    await world.member.submit_modal(form, {"title": TITLE, "link": ""})
    assert (await world.note()).revision.submission.text == draft.text


async def test_an_exchange_leaves_out_opted_out_members(world: World, forum: Forum) -> None:
    thread, _ = await forum.solved()
    await world.moderator.send(thread, "A snow anchor made of a buried bag holds even better.")
    await withheld(world, world.second_member)

    draft = await draft_of(await saved(world, forum, thread))

    assert ANSWER not in draft.text
    assert world.second_member.name not in draft.text


async def test_opted_out_authors_alone_save_their_messages(world: World) -> None:
    message = await world.second_member.send(world.general, "The wifi password is on the fridge.")
    await withheld(world, world.second_member)

    result = await world.member.context_menu(world.general, "Save as note", message)
    assert said(result) == drafts.NOT_QUOTED.english

    own = await world.second_member.context_menu(world.general, "Save as note", message)
    assert own.modal is not None


async def test_a_starter_message_quotes_no_opted_out_member(world: World) -> None:
    message = await world.second_member.send(world.help, QUESTION)
    backend: Any = world.env.backend
    made = backend.create_thread(world.help.id, TITLE, world.member.id, message_id=message.id)
    thread = ChannelHandle(world.env, world.guild, made)
    # Discord starts such a thread with a system message.
    head = backend.prepare_message(thread.id, world.member.id, ".")
    head.type = MessageType.THREAD_STARTER_MESSAGE
    head.reference = {
        "channel_id": str(world.help.id),
        "message_id": str(message.id),
        "guild_id": str(world.guild.id),
    }
    backend.commit_message(head)
    await world.env.settle()
    await world.member.send(thread, ANSWER)
    await withheld(world, world.second_member)
    channel: Any = world.bot.get_channel(thread.id)
    [starter] = [one async for one in channel.history(limit=1, oldest_first=True)]

    result = await world.member.context_menu(thread, "Save as note", starter)

    assert said(result) == drafts.NOT_QUOTED.english
    assert shown_message(result).attachments == []


async def withheld(world: World, member: MemberActor) -> None:
    def withhold(core: Core) -> None:
        core.store.quote_opt_outs.withhold(member.id, member.name)

    await world.core(withhold)


async def test_a_private_thread_brings_a_warning(world: World) -> None:
    made = world.env.backend.create_thread(
        world.help.id, "Council", world.member.id, type=ChannelType.PRIVATE_THREAD
    )
    assert world.bot.user is not None
    for member_id in (world.bot.user.id, world.second_member.id):
        world.env.backend.add_thread_member(made.id, member_id)
    thread = ChannelHandle(world.env, world.guild, made)
    first = await world.member.send(thread, QUESTION)
    await world.second_member.send(thread, ANSWER)

    result = await world.member.context_menu(thread, "Save as note", first)

    assert english(drafts.from_channel, "Council") in said(result)
    assert ANSWER in (await draft_of(result)).text


async def test_an_answer_of_the_bot_is_saved(world: World) -> None:
    await world.publish()
    await world.ask()
    answer = world.general.last_message
    assert answer is not None

    form = await world.member.context_menu(world.general, "Save as note", answer)

    assert "Rua Augusta" in repr(form.modal)

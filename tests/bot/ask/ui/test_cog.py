"""What people who ask see: answers, refusals and their buttons, through the real bot."""

from collections.abc import Awaitable, Callable

import discord
import pytest
from simcord import Env, MemberActor

from bot.ask import button_messages
from bot.ask import messages as ask_messages
from bot.text import markdown
from knowledge.values.questions import Evidence
from tests.bot.steps import OTHER_PASSAGES, content, looked_into, only_reads
from tests.bot.world import (
    AFTER,
    QUESTION,
    SECTIONS,
    TEXT,
    TICKETS,
    TITLE,
    UNKNOWN,
    World,
    build_world,
    buttons,
    links,
    text_of,
)

QUOTED = TEXT.replace("The community", "").strip()

# What no question here says, so that only the note can be where it comes from.
SECRET = f"{TEXT} Bring a xylophone."


async def test_a_public_answer_quotes_the_note_to_the_whole_channel(world: World) -> None:
    await world.publish()

    result = await world.ask()

    assert not result.ephemeral
    seen = world.general.history(viewer=world.second_member)[-1]
    assert QUOTED in text_of(seen).replace("**", "")


async def test_an_answer_cites_its_note_with_its_contributor(world: World) -> None:
    await world.propose(link="https://example.org/meetup")
    await world.moderator.click(world.card, label="Approve")

    result = await world.ask()

    assert result.response is not None
    assert f"**{TITLE}**" in text_of(result.response)
    assert links(result.response) == ["https://example.org/meetup"]
    assert f"by {markdown.plain(world.member.name)}" in text_of(result.response)


async def test_a_private_answer_is_seen_by_its_asker_alone(world: World) -> None:
    result = await world.ask("What is open source AI?", private=True)

    assert result.response is not None
    assert result.response.ephemeral
    shown = [message.id for message in world.general.history(viewer=world.second_member)]
    assert result.response.id not in shown


async def test_that_a_language_is_read_badly_is_said_once_in_a_channel_and_once_in_private(
    world: World,
) -> None:
    await world.publish()
    await only_reads(world, "en")
    line = ask_messages.not_my_language("de")

    async def hears(actor: MemberActor, *, private: bool = False) -> bool:
        question = "Wo ist das Treffen und wann ist es?"
        asked = await actor.slash(world.general, "ask", question=question, private=private)
        return line in content(asked)

    assert [await hears(world.member), await hears(world.second_member)] == [True, False]
    for actor in (world.member, world.second_member):
        assert [await hears(actor, private=True) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(("private", "flags"), [(True, 64), (False, 0)])
async def test_an_answer_is_deferred_as_privately_as_it_will_be_shown(
    world: World, private: bool, flags: int
) -> None:
    await world.ask(private=private)

    callbacks = [
        request.json
        for request in world.env.http_requests
        if request.path.endswith("/callback") and request.json
    ]
    assert callbacks[-1]["type"] == 5
    assert int((callbacks[-1].get("data") or {}).get("flags") or 0) == flags


async def test_a_mention_with_a_question_is_answered_as_a_reply(world: World) -> None:
    await world.publish()

    asked = await world.member.send(world.help, f"<@{_bot_id(world)}> {QUESTION}")

    answer = world.help.last_message
    assert answer is not None
    assert answer.reference is not None
    assert answer.reference.message_id == asked.id
    assert QUOTED in text_of(answer).replace("**", "")


async def test_a_mention_without_a_question_is_told_how_to_ask(world: World) -> None:
    await world.member.send(world.help, f"<@{_bot_id(world)}>")

    assert world.help.last_message is not None
    assert text_of(world.help.last_message) == button_messages.ASK_ME.english


async def test_a_direct_message_is_answered_from_the_articles(world: World) -> None:
    await world.member.send_dm("What is open source AI?")

    answer = world.member.user.dm_channel.last_message
    assert answer is not None
    assert "> " in text_of(answer)
    assert buttons(answer)[0] == "Helpful"


async def test_a_direct_message_never_gets_a_servers_note(world: World) -> None:
    await world.publish(text=SECRET)

    await world.member.send_dm(QUESTION)

    answer = world.member.user.dm_channel.last_message
    assert answer is not None
    assert "xylophone" not in text_of(answer)


async def test_a_reply_to_an_answer_is_understood_with_the_question_before_it(
    world: World,
) -> None:
    await world.publish(text=SECTIONS)
    mention = f"<@{_bot_id(world)}>"
    await world.member.send(world.help, f"{mention} {QUESTION}")
    answer = world.help.last_message
    assert answer is not None

    await world.member.send(world.help, f"{mention} {AFTER}", reply_to=answer)

    assert world.help.last_message is not None
    assert TICKETS in text_of(world.help.last_message).replace("**", "")


async def test_the_same_words_without_a_reply_are_refused(world: World) -> None:
    await world.publish()
    mention = f"<@{_bot_id(world)}>"
    await world.member.send(world.help, f"{mention} {QUESTION}")

    await world.member.send(world.help, f"{mention} Zanzibar?")

    assert world.help.last_message is not None
    assert ask_messages.refusal() in text_of(world.help.last_message)


async def test_a_reply_to_a_slash_answer_is_a_follow_up_too(world: World) -> None:
    await world.publish(text=SECTIONS)
    answered = await world.ask()
    assert answered.response is not None

    await world.member.send(
        world.general, f"<@{_bot_id(world)}> {AFTER}", reply_to=answered.response
    )

    assert world.general.last_message is not None
    assert TICKETS in text_of(world.general.last_message).replace("**", "")


async def test_a_reply_that_asserts_something_false_is_looked_up_anew(world: World) -> None:
    await world.publish()
    mention = f"<@{_bot_id(world)}>"
    await world.member.send(world.help, f"{mention} {QUESTION}")
    answer = world.help.last_message
    assert answer is not None

    wrong = "No, the community meetup is in Porto."
    await world.member.send(world.help, f"{mention} {wrong}", reply_to=answer)

    assert world.help.last_message is not None
    found = text_of(world.help.last_message).split("\n")
    assert "Lisbon at Rua Augusta" in "\n".join(found)
    assert not any("Porto" in line for line in found if line.startswith("> "))
    second = await world.recorded(2)
    assert (second.text, second.hits[0].passage) == (wrong, TEXT)


async def test_ask_about_this_answers_the_message_to_the_one_who_chose_it(world: World) -> None:
    await world.publish()
    message = await world.second_member.send(world.general, QUESTION)

    result = await world.member.context_menu(world.general, "Ask about this", message)

    assert result.response is not None
    assert result.response.ephemeral
    assert QUOTED in text_of(result.response).replace("**", "")


async def test_ask_about_this_reads_what_an_answer_says(world: World) -> None:
    await world.publish()
    answered = await world.ask()
    assert answered.response is not None

    result = await world.second_member.context_menu(
        world.general, "Ask about this", answered.response.message
    )

    assert QUOTED in text_of(result.response).replace("**", "")


async def _by_command(world: World) -> str:
    result = await world.ask(UNKNOWN)
    return text_of(result.response) if result.response else ""


async def _privately(world: World) -> str:
    result = await world.ask(UNKNOWN, private=True)
    return text_of(result.response) if result.response else ""


async def _by_mention(world: World) -> str:
    await world.member.send(world.general, f"<@{_bot_id(world)}> {UNKNOWN}")
    return text_of(world.general.last_message) if world.general.last_message else ""


async def _by_menu(world: World) -> str:
    message = await world.second_member.send(world.general, UNKNOWN)
    result = await world.member.context_menu(world.general, "Ask about this", message)
    return text_of(result.response) if result.response else ""


async def _by_reply(world: World) -> str:
    first = await world.ask("Quokka habitat?")
    await world.member.send(
        world.general, f"<@{_bot_id(world)}> {UNKNOWN}", reply_to=first.response
    )
    return text_of(world.general.last_message) if world.general.last_message else ""


PATHS = [_by_command, _privately, _by_mention, _by_menu, _by_reply]


@pytest.mark.parametrize("ask", PATHS, ids=lambda path: path.__name__.strip("_"))
async def test_a_question_out_of_scope_is_refused_on_every_path(
    world: World, ask: Callable[[World], Awaitable[str]]
) -> None:
    await world.publish()

    refused = await ask(world)
    assert ask_messages.refusal() in refused
    assert "> " not in refused


@pytest.mark.parametrize("ask", PATHS, ids=lambda path: path.__name__.strip("_"))
async def test_a_question_out_of_scope_is_recorded_as_a_gap_exactly_once(
    world: World, ask: Callable[[World], Awaitable[str]]
) -> None:
    await ask(world)

    gaps = await world.gaps(world.guild.id)
    assert [gap.text for gap in gaps if gap.text == UNKNOWN] == [UNKNOWN]


async def test_a_direct_message_out_of_scope_is_refused_and_a_gap_of_no_server(
    world: World,
) -> None:
    await world.member.send_dm(UNKNOWN)

    answer = world.member.user.dm_channel.last_message
    assert answer is not None
    assert ask_messages.refusal() in text_of(answer)
    assert [gap.text for gap in await world.gaps(None)] == [UNKNOWN]


@pytest.mark.parametrize("empty", ["???", "   ", "…"])
async def test_a_question_without_words_gets_one_sentence_and_no_record(
    world: World, empty: str
) -> None:
    result = await world.ask(empty)

    assert result.response is not None
    assert text_of(result.response).startswith("There is no question")
    assert result.response.ephemeral
    assert await world.core(lambda core: core.store.question_records.question(1)) is None


async def test_a_message_without_text_gets_one_sentence(world: World) -> None:
    picture = await world.second_member.send(world.general, attachments=[("a.png", b"png")])

    result = await world.member.context_menu(world.general, "Ask about this", picture)

    assert result.response is not None
    assert text_of(result.response).startswith("There is no question")


async def test_a_note_that_says_everyone_pings_nobody(world: World) -> None:
    world.env.backend.edit_role(
        world.guild.id,
        world.bot_role.id,
        {"permissions": discord.Permissions(administrator=True).value},
    )
    role, member = world.moderator_role.mention, world.second_member.mention
    await world.publish(text=f"{TEXT} @everyone @here {role} {member} are welcome.")

    await world.ask()
    await world.member.send(world.help, f"<@{_bot_id(world)}> {QUESTION}")

    posted = [
        message
        for channel in (world.general, world.help, world.review)
        for message in channel.history()
        if message.author.id == _bot_id(world)
    ]
    assert len(posted) == 3
    assert not any(message.mention_everyone or message.role_mentions for message in posted)
    assert not any(
        world.second_member.id in [one.id for one in message.mentions] for message in posted
    )


async def _leaks(other: World) -> list[str]:
    """Everything that a member of another guild is shown who asks about the note."""
    asked = await other.ask()
    assert asked.response is not None
    shown = [content(asked), await looked_into(other.member, asked.response, OTHER_PASSAGES)]
    if "Why this answer?" in buttons(asked.response):
        shown.append(await looked_into(other.member, asked.response, "Why this answer?"))
    return shown


async def test_a_servers_note_is_never_shown_in_another_server(
    simcord_env: Env, world: World
) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.publish(text=SECRET)

    shown = await _leaks(other)

    assert shown
    assert not any("xylophone" in text or TITLE in text for text in shown)


async def test_a_message_without_a_mention_is_ignored(world: World) -> None:
    asked = await world.member.send(world.general, "What is open source AI?")

    assert world.general.last_message is not None
    assert world.general.last_message.id == asked.id
    assert await world.core(lambda core: core.store.question_records.question(1)) is None


async def test_another_bot_is_ignored(world: World) -> None:
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))

    asked = await robot.send(world.general, f"<@{_bot_id(world)}> What is open source AI?")

    assert world.general.last_message is not None
    assert world.general.last_message.id == asked.id


async def test_an_answer_is_recorded_with_where_and_by_whom_it_was_asked(world: World) -> None:
    await world.ask("What is open source AI?")

    question = await world.recorded(1)
    assert (question.guild_id, question.channel_id, question.asker_id) == (
        world.guild.id,
        world.general.id,
        world.member.id,
    )
    assert question.evidence is not Evidence.NONE


def _bot_id(world: World) -> int:
    assert world.bot.user is not None
    return world.bot.user.id

"""What people who ask see: answers, refusals and their buttons, through the real bot."""

import discord
from simcord import Env, MemberActor

from bot.ask import messages as ask_messages
from bot.text import markdown
from knowledge.values.questions import Evidence
from tests.bot.message_parts import actions, buttons, content, links, text_of
from tests.bot.spoken import english
from tests.bot.world import (
    AFTER,
    OTHER_PASSAGES,
    QUESTION,
    SECTIONS,
    TEXT,
    TICKETS,
    TITLE,
    UNKNOWN,
    World,
    build_world,
    looked_into,
)

QUOTED = TEXT.replace("The community", "").strip()

# What no question here says, so that only the note can be where it comes from.
SECRET = f"{TEXT} Bring a xylophone."


async def test_a_public_answer_quotes_cites_and_is_recorded(world: World) -> None:
    await world.add_note(link="https://example.org/meetup")

    result = await world.ask()

    assert not result.ephemeral
    seen = world.general.history(viewer=world.second_member)[-1]
    assert QUOTED in text_of(seen).replace("**", "")
    assert f"**{TITLE}**" in text_of(seen)
    assert f"by {markdown.plain(world.member.name)}" in text_of(seen)
    assert links(seen) == ["https://example.org/meetup"]
    question = await world.recorded(1)
    assert (question.guild_id, question.channel_id, question.asker_id) == (
        world.guild.id,
        world.general.id,
        world.member.id,
    )
    assert question.evidence is not Evidence.NONE


async def test_a_private_answer_is_seen_by_its_asker_alone(world: World) -> None:
    for private, flags in ((True, 64), (False, 0)):
        result = await world.ask(private=private)

        assert result.response is not None
        assert result.response.ephemeral is private
        shown = [message.id for message in world.general.history(viewer=world.second_member)]
        assert (result.response.id in shown) is not private
        callbacks = [
            request.json
            for request in world.env.http_requests
            if request.path.endswith("/callback") and request.json
        ]
        assert callbacks[-1]["type"] == 5
        assert int((callbacks[-1].get("data") or {}).get("flags") or 0) == flags


async def test_an_unread_language_is_named_once_per_place(world: World) -> None:
    await world.add_note()
    await world.read_only("en")
    line = english(ask_messages.not_my_language, "de")

    async def hears(actor: MemberActor, *, private: bool = False) -> bool:
        question = "Wo ist das Treffen und wann ist es?"
        asked = await actor.slash(world.general, "ask", question=question, private=private)
        return line in content(asked)

    assert [await hears(world.member), await hears(world.second_member)] == [True, False]
    for actor in (world.member, world.second_member):
        assert [await hears(actor, private=True) for _ in range(2)] == [True, False]


async def test_a_mention_is_answered_as_a_reply(world: World) -> None:
    await world.add_note()

    asked = await world.member.send(world.help, f"<@{_bot_id(world)}> {QUESTION}")

    answer = world.help.last_message
    assert answer is not None
    assert answer.reference is not None
    assert answer.reference.message_id == asked.id
    assert QUOTED in text_of(answer).replace("**", "")
    await world.member.send(world.help, f"<@{_bot_id(world)}>")
    assert text_of(world.help.last_message) == ask_messages.ASK_ME.english


async def test_direct_messages_are_answered_from_articles_alone(world: World) -> None:
    await world.add_note(text=SECRET)

    async def answer(question: str) -> discord.Message:
        await world.member.send_dm(question)
        sent = world.member.user.dm_channel.last_message
        assert sent is not None
        return sent

    article = await answer("What is open source AI?")
    assert "> " in text_of(article)
    assert buttons(article)[0] == "Helpful"
    assert "xylophone" not in text_of(await answer(QUESTION))
    assert english(ask_messages.refusal) in text_of(await answer(UNKNOWN))
    assert UNKNOWN in [gap.text for gap in await world.gaps(None)]


async def test_a_reply_to_a_slash_answer_follows_it(world: World) -> None:
    await world.add_note(text=SECTIONS)
    answered = await world.ask()
    assert answered.response is not None

    await world.member.send(
        world.general, f"<@{_bot_id(world)}> {AFTER}", reply_to=answered.response
    )

    assert world.general.last_message is not None
    assert TICKETS in text_of(world.general.last_message).replace("**", "")


async def test_ask_about_this_answers_its_chooser(world: World) -> None:
    await world.add_note()
    answered = await world.ask()
    assert answered.response is not None
    asked = await world.second_member.send(world.general, QUESTION)

    for message in (asked, answered.response.message):
        result = await world.member.context_menu(world.general, "Ask about this", message)
        assert result.ephemeral
        assert QUOTED in content(result).replace("**", "")

    picture = await world.second_member.send(world.general, attachments=[("a.png", b"png")])
    result = await world.member.context_menu(world.general, "Ask about this", picture)
    assert content(result).startswith("I need some words")


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


async def test_an_unanswerable_question_is_one_gap_on_every_path(world: World) -> None:
    await world.add_note()

    for number, ask in enumerate(PATHS, start=1):
        refused = await ask(world)
        assert english(ask_messages.refusal) in refused
        assert "> " not in refused
        gaps = await world.gaps(world.guild.id)
        assert [gap.text for gap in gaps if gap.text == UNKNOWN] == [UNKNOWN] * number


async def test_a_question_without_words_leaves_no_record(world: World) -> None:
    for empty in ("???", "   ", "…"):
        result = await world.ask(empty)
        assert content(result).startswith("I need some words")
        assert result.ephemeral
    assert await world.core(lambda core: core.store.question_records.question(1)) is None


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
        world.second_member.id in [user.id for user in message.mentions] for message in posted
    )


async def _leaks(other: World) -> list[str]:
    """Everything that a member of another guild is shown who asks about the note."""
    asked = await other.ask()
    assert asked.response is not None
    shown = [content(asked), await looked_into(other.member, asked.response, OTHER_PASSAGES)]
    if "why" in actions(asked.response):
        shown.append(await looked_into(other.member, asked.response, "Why this answer?"))
    return shown


async def test_a_note_is_never_shown_elsewhere(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.add_note(text=SECRET)

    shown = await _leaks(other)

    assert shown
    assert not any("xylophone" in text or TITLE in text for text in shown)


async def test_unaddressed_and_other_bots_messages_are_ignored(world: World) -> None:
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))

    await world.member.send(world.general, "What is open source AI?")
    asked = await robot.send(world.general, f"<@{_bot_id(world)}> What is open source AI?")

    assert world.general.last_message is not None
    assert world.general.last_message.id == asked.id
    assert await world.core(lambda core: core.store.question_records.question(1)) is None


def _bot_id(world: World) -> int:
    assert world.bot.user is not None
    return world.bot.user.id

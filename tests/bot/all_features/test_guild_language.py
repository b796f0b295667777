"""The server's language in answers, and in messages that the bot sends unasked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.ask import messages as ask_messages
from bot.review import messages
from bot.review.ui.outbox import OutboxDispatcher
from knowledge.values.guilds import Language
from knowledge.values.notes import NoticeEvent
from tests.bot.components import part
from tests.bot.message_parts import buttons, text_of
from tests.bot.spoken import said_in
from tests.bot.world import QUESTION, TEXT, TITLE, UNKNOWN, World, build_world, in_menu

GERMAN = Language.GERMAN


@pytest.fixture
async def german(world: World) -> World:
    """A server that speaks German; nobody's client is in a language that the bot speaks."""
    await world.choose(language="de")
    for person in world.people:
        world.speaks(person, "ja")
    return world


async def mentioned(world: World, question: str) -> Any:
    bot_user = world.bot.user
    assert bot_user is not None
    await world.member.send(world.help, f"<@{bot_user.id}> {question}".strip())
    message = world.help.last_message
    assert message is not None
    return message


async def test_answers_speak_the_servers_language_and_quotations_their_own(german: World) -> None:
    await german.publish()

    answer = await german.ask()

    assert answer.response is not None
    assert "von mia" in text_of(answer.response)
    assert "Rua Augusta" in text_of(answer.response)
    assert buttons(answer.response) == [
        "Hilfreich",
        "Nicht hilfreich",
    ]


async def test_a_shared_answer_is_in_the_servers_language(german: World) -> None:
    await german.publish()
    answer = await german.ask(private=True)
    assert answer.response is not None

    await in_menu(german.member, answer.response, "share")

    shared = german.general.last_message
    assert buttons(shared) == ["Hilfreich", "Nicht hilfreich"]
    assert "von mia" in str(text_of(shared) if shared else "")


async def test_refusals_and_mentions_are_in_the_servers_language(german: World) -> None:
    refused = await mentioned(german, UNKNOWN)
    empty = await mentioned(german, "")

    assert said_in(GERMAN, ask_messages.refusal) in text_of(refused)
    assert buttons(refused) == ["Diese Notiz schreiben"]
    assert text_of(empty) == said_in(GERMAN, ask_messages.ASK_ME)


async def test_a_follow_up_to_a_german_answer_is_recognised(german: World) -> None:
    await german.publish()
    answer = await mentioned(german, QUESTION)

    bot_user = german.bot.user
    assert bot_user is not None
    await german.member.send(german.help, f"<@{bot_user.id}> Fridays?", reply_to=answer)

    assert german.help.last_message is not None
    assert TITLE in text_of(german.help.last_message)


async def test_contributors_are_told_in_the_servers_language(german: World) -> None:
    await german.propose()
    form = await german.moderator.click(german.card, label="Ablehnen")
    await german.moderator.submit_modal(form, {"reason": "Not *ours*."})

    assert german.notices() == said_in(
        GERMAN, messages.notice_parts, await german.note(), NoticeEvent.REJECTED
    )
    assert "Grund: Not" in german.notices()[0]
    notice = german.member.user.dm_channel.history()[0]
    assert buttons(notice) == ["Überarbeiten und neu einreichen"]


async def test_moderators_are_reminded_in_the_servers_language(german: World) -> None:
    await german.propose()

    await part(german.bot, OutboxDispatcher).remind(datetime.now(UTC) + timedelta(hours=25))

    assert "wartet auf eine Entscheidung" in text_of(german.card)


async def test_who_asked_is_told_in_the_servers_language(german: World) -> None:
    await german.ask(UNKNOWN, by=german.second_member)

    await german.publish("Zanzibar ferry", f"{UNKNOWN}: it leaves at nine.")
    await german.env.settle()

    messages = [text_of(message) for message in german.general.history()]
    assert any("Jetzt gibt es eine Antwort" in content for content in messages)


async def test_another_server_keeps_its_own(german: World) -> None:
    other = build_world(german.env, "Another")
    await other.set_up()
    await other.publish(text=TEXT)

    answer = await other.ask()

    assert answer.response is not None
    assert "Helpful" in buttons(answer.response)

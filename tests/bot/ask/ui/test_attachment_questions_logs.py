"""Questions with a log: its deciding lines are shown to the asker, who asks with them or not."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.ask.ui import attachment_questions
from indexer.retrieval.error_identifiers import LOG_MARK
from knowledge.files import logs
from knowledge.files.logs import Problem
from tests.bot.message_parts import buttons, said, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import NewBot, World

LABELS = [label.english for label in attachment_questions.LABELS.values()]
# In two parts, so that no file of the project has a machine's path.
HOME = "/home" + "/greta"
TRACE = f"""\
Traceback (most recent call last):
  File "{HOME}/bot/main.py", line 4, in <module>
    import aiohttp
ModuleNotFoundError: No module named 'aiohttp'
"""
DECIDING = "ModuleNotFoundError: No module named 'aiohttp'"
WORDS = "Why does the bot not start?"
REMEDY = f"The bot does not start with `{DECIDING}`: install the library aiohttp again."


@pytest.fixture(scope="module", autouse=True)
def _ended_sandbox() -> Iterator[None]:
    yield
    logs.sandbox().close()


@pytest.fixture
async def reading(world: World) -> World:
    await world.choose(read_logs="yes")
    await world.add_note("The bot does not start", REMEDY)
    return world


async def _mention(
    world: World, words: str = WORDS, content: bytes = TRACE.encode(), name: str = "bot.log"
) -> Any:
    assert world.bot.user is not None
    attachments = [(name, content)] if content else []
    sent = f"{world.bot.user.mention} {words}"
    await world.member.send(world.help, sent, attachments=attachments)
    return world.help.last_message


async def _questions(world: World) -> int:
    return await world.core(lambda core: core.store.counts(world.guild.id)["questions"])


def _unread(name: str) -> str:
    return str(english(attachment_questions.log_problem, name, Problem.NO_TEXT))


async def test_a_deciding_line_is_asked_with_the_words(reading: World) -> None:
    offer = await _mention(reading)
    assert attachment_questions.READ_IN_LOG.english in offer.content
    assert f"```\n{LOG_MARK}{DECIDING}\n```" in offer.content
    assert "greta" not in offer.content
    assert buttons(offer) == LABELS
    assert await _questions(reading) == 0

    form = await reading.member.click(offer, label=LABELS[0])
    assert form.modal is not None
    [label] = form.modal["components"]
    asked = label["component"]["value"]
    assert asked == f"{WORDS}\n{LOG_MARK}{DECIDING}"
    await reading.member.submit_modal(form, {"question": asked})

    assert "install the library" in text_of(reading.help.last_message)
    assert (await reading.recorded(1)).text == asked


async def test_a_long_code_block_is_read_and_removed(reading: World) -> None:
    block = f"```py\n{'loading' + chr(10)}" + "ok\n" * 8 + f"{TRACE}```"
    offer = await _mention(reading, f"{WORDS} {block}", b"")
    assert f"```\n{LOG_MARK}{DECIDING}\n```" in offer.content
    assert f"```\n{WORDS}\n```" in offer.content
    short = await _mention(reading, f"{WORDS} ```import aiohttp```", b"")
    assert "install the library" in text_of(short)


async def test_no_log_is_read_before_it_is_allowed(world: World) -> None:
    await world.add_note("The bot does not start", REMEDY)
    assert "install the library" in text_of(await _mention(world))


async def test_log_in_a_direct_message_is_not_read(reading: World) -> None:
    channel = reading.member.user.dm_channel
    stored = reading.env.backend.store_attachments(channel.id, [("bot.log", TRACE.encode())])
    await reading.member.send_dm(attachments=stored)
    assert channel.last_message is not None
    assert DECIDING not in text_of(channel.last_message)


async def test_only_its_sender_asks_with_a_log(reading: World) -> None:
    offer = await _mention(reading)
    for label in LABELS:
        result = await reading.second_member.click(offer, label=label)
        assert said(result) == attachment_questions.NOT_YOURS.english
    assert await _questions(reading) == 0


async def test_anothers_log_is_read_for_the_asker_alone(reading: World) -> None:
    files = [("bot.log", TRACE.encode())]
    message = await reading.second_member.send(reading.general, WORDS, attachments=files)
    result = await reading.member.context_menu(reading.general, "Ask about this", message)
    assert result.ephemeral
    assert DECIDING in shown_message(result).content
    [seen] = reading.general.history(viewer=reading.second_member)
    assert seen.id == message.id


async def test_an_unreadable_log_is_named(reading: World) -> None:
    offer = await _mention(reading, content=b"\x7fELF\0\0")
    assert offer.content.startswith(_unread("bot.log"))
    assert buttons(offer) == LABELS[:1]
    form = await reading.member.click(offer, label=LABELS[0])
    await reading.member.submit_modal(form, {"question": WORDS})
    assert "install the library" in text_of(reading.help.last_message)
    alone = await _mention(reading, "", b"\x7fELF\0\0")
    assert alone.content == _unread("bot.log")


async def test_a_log_without_errors_is_left_out(reading: World) -> None:
    assert "install the library" in text_of(await _mention(reading, content=b"all is well\n"))
    alone = await _mention(reading, "", b"all is well\n")
    assert alone.content == attachment_questions.NO_ERROR.english


@pytest.mark.parametrize("step", ["offer", "form", "answer"])
async def test_restart_between_the_steps_loses_and_doubles_nothing(
    reading: World, new_bot: NewBot, step: str
) -> None:
    offer = await _mention(reading)
    if step == "offer":
        await reading.start_again(new_bot)
    form = await reading.member.click(offer, label=LABELS[0])
    if step == "form":
        await reading.start_again(new_bot)
    await reading.member.submit_modal(form, {"question": f"{WORDS}\n{LOG_MARK}{DECIDING}"})
    if step == "answer":
        await reading.start_again(new_bot)

    sent, answer = reading.help.history()
    assert sent.author.id == reading.member.id
    assert answer.id == offer.id
    assert "install the library" in text_of(answer)
    assert await _questions(reading) == 1


async def test_a_log_needs_its_identifier_for_a_sure_answer(reading: World) -> None:
    await reading.add_note("Slow starts", "If the bot takes long to start, wait a minute.")
    for line, sure in ((DECIDING, True), ("ModuleNotFoundError: No module named 'yaml'", False)):
        form = await reading.member.click(await _mention(reading), label=LABELS[0])
        question = f"The bot does not start\n{LOG_MARK}{line}"
        await reading.member.submit_modal(form, {"question": question})
        recorded = await reading.recorded(await _questions(reading))
        assert (recorded.evidence.value == "strong") is sure

"""No text of a member takes the bot a second: pumped texts, as long as Discord lets them be.

The test measures all CPU of this process, of every thread, for one text: more than any job of it.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import pytest

from knowledge.values.submissions import FORM_CHARACTERS, TEXT_CHARACTERS, TITLE_CHARACTERS
from tests.bot.message_parts import custom_ids
from tests.bot.world import QUESTION, UNKNOWN, World
from tests.pumped_texts import FRAGMENTS, pumped
from tests.pumping import JOB_SECONDS

MESSAGE_CHARACTERS: Final = 2_000
# Every so many-th fragment.
STEP: Final = 16
Write = Callable[[World, str], Awaitable[object]]


def _bot_id(world: World) -> int:
    assert world.bot.user is not None
    return world.bot.user.id


async def ask(world: World, text: str) -> None:
    await world.ask(f"{QUESTION} {text}"[:1_500])


async def ask_on(world: World, text: str) -> None:
    """A follow-up in the thread of the answer, or what is taken for one."""
    asked = await world.member.send(world.help, f"<@{_bot_id(world)}> {QUESTION}")
    await world.member.send(world.help, f"and {text}"[:MESSAGE_CHARACTERS], reply_to=asked)


async def mention(world: World, text: str) -> None:
    await world.member.send(world.help, f"<@{_bot_id(world)}> {text}"[:MESSAGE_CHARACTERS])


async def search(world: World, text: str) -> None:
    await world.member.slash(world.general, "search", query=f"Lisbon {text}"[:100])


async def talk(world: World, text: str) -> None:
    await world.member.send(world.help, f"How do I get there? {text}"[:MESSAGE_CHARACTERS])


async def reply(world: World, text: str) -> None:
    """An answer to a question that the bot refused."""
    await world.member.send(world.help, f"<@{_bot_id(world)}> {UNKNOWN}?")
    refusal = world.help.last_message
    assert refusal is not None
    answer = f"The ferry leaves at nine from the pier. {text}"[:MESSAGE_CHARACTERS]
    await world.second_member.send(world.help, answer, reply_to=refusal)


async def propose(world: World, text: str) -> None:
    """A note by its form, its card, and its approval."""
    title = f"Pier {' '.join(text.split())}"[:TITLE_CHARACTERS].rstrip()
    await world.propose(title, f"Nine. {text}"[:FORM_CHARACTERS])
    # A text that is too dangerous can't be approved by a click alone.
    for custom_id in custom_ids(world.card):
        if custom_id.endswith(":approve"):
            await world.moderator.click(world.card, custom_id=custom_id)


async def note(world: World, text: str) -> None:
    """A note as long as it may be, from proposal to card, and shown."""
    words = f"Nine. {text}"[:TEXT_CHARACTERS].strip()
    await world.add_note("Harbour", words)
    await world.member.slash(world.general, "note show", note="Harbour")


WRITERS: Final = (ask, ask_on, mention, search, talk, reply, propose, note)


async def _cpu_seconds(world: World, write: Write, text: str) -> float:
    begun = time.process_time()
    await write(world, text)
    await world.env.settle()
    return time.process_time() - begun


async def _dear_fragments(world: World, write: Write, fragments: Sequence[str]) -> dict[str, float]:
    await world.add_note()
    found = {}
    for fragment in fragments:
        # A shorter text once more, before a busy machine is taken for a dear one.
        for characters in (TEXT_CHARACTERS, TEXT_CHARACTERS - 10):
            seconds = await _cpu_seconds(world, write, pumped(fragment, characters))
            if seconds <= JOB_SECONDS:
                break
        else:
            found[fragment] = seconds
    return found


@pytest.mark.parametrize("write", WRITERS)
async def test_no_text_of_a_member_takes_a_second(world: World, write: Write) -> None:
    place = WRITERS.index(write)
    assert await _dear_fragments(world, write, FRAGMENTS[place::STEP]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("write", WRITERS)
async def test_no_pumped_text_of_a_member_takes_a_second(world: World, write: Write) -> None:
    assert await _dear_fragments(world, write, FRAGMENTS) == {}

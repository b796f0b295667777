"""*Other passages* below answers and refusals, and *This answers it*."""

from typing import Any

import discord
import pytest
from simcord import Env

from bot.answers.outcome import MOST_OTHERS
from bot.ask import messages
from bot.core.core import Core
from bot.review import service as review_service
from indexer.ingest.pipeline import index_document
from knowledge.values.documents import Document, Kind, Scope
from knowledge.values.notes import Member
from knowledge.values.questions import Verdict
from tests.bot.faults import fail
from tests.bot.message_parts import buttons, choices, content, custom_ids, said, text_of
from tests.bot.world import QUESTION, TITLE, UNKNOWN, NewBot, Town, World, is_told

OTHER = "Porto meetup"
OTHER_TEXT = "Another meetup of the community is in Porto, at Rua das Flores."
PICK = "This answers it"


async def chosen(world: World, message: object, title: str = OTHER) -> Any:
    """What the asker is shown of a passage that the list below a message offers."""
    return await chosen_by(world.member, message, title)


async def chosen_by(actor: Any, message: object, title: str = OTHER) -> Any:
    [digest] = [value for value, label in choices(message).items() if label.startswith(title)]
    [select] = [one for one in custom_ids(message) if one.startswith("passages:")]
    return await actor.select(message, [digest], custom_id=select)


@pytest.fixture
async def posted(world: World) -> discord.Message:
    """An answer that quotes one of two notes, as it stands in the channel."""
    await world.add_note()
    await world.add_note(OTHER, OTHER_TEXT)
    await world.ask()
    message = world.general.last_message
    assert message is not None
    assert TITLE in text_of(message)
    return message


async def picks_of(world: World) -> list[tuple[int, Verdict, str]]:
    kept = await world.core(lambda core: core.store.feedback_records.of(1))
    return [(one.member_id, one.verdict, one.document_id) for one in kept]


def now(world: World, message: discord.Message) -> discord.Message:
    [found] = [one for one in world.general.history() if one.id == message.id]
    return found


async def test_answers_list_ten_titles_and_refusals_near_ones(world: World) -> None:
    await world.add_note()

    def fill(core: Core) -> None:
        for number in range(11):
            title, text = f"Boat {number}", f"Boat {number} leaves at {number} from the harbour."
            boat = Document(f"file:{number}", Scope(world.guild.id), Kind.FILE, title, text)
            index_document(core.index, core.embedder, boat)

    await world.core(fill)
    answered = await world.ask(QUESTION)
    listed = [*choices(answered.response).values()]
    assert 1 < len(listed) <= 10
    assert len(set(listed)) == len(listed)
    assert listed[0].startswith(TITLE)
    refused = await world.ask("Zanzibar boat timetable")
    assert buttons(refused.response) == ["Write this note"]
    assert 1 < len(choices(refused.response)) <= MOST_OTHERS
    assert len(choices((await world.ask(UNKNOWN)).response)) == 0


async def test_a_moderators_pick_replaces_the_quotation(
    world: World, posted: discord.Message
) -> None:
    shown = await chosen_by(world.moderator, posted)

    thanks = await world.moderator.click(shown.response, label=PICK)

    assert said(thanks) == messages.REPLACED.english
    changed = text_of(now(world, posted))
    assert changed.startswith(messages.question_line(QUESTION))
    assert OTHER in changed
    assert TITLE not in changed
    assert await picks_of(world) == [(world.moderator.id, Verdict.HELPFUL, "note:2")]


async def test_another_members_pick_counts_and_changes_nothing_that_is_posted(
    world: World, posted: discord.Message
) -> None:
    shown = await chosen_by(world.second_member, posted)
    assert OTHER_TEXT in said(shown)
    assert f"**{OTHER}**" in said(shown)
    assert buttons(shown.response) == [PICK]

    thanks = await world.second_member.click(shown.response, label=PICK)

    assert said(thanks) == messages.PICKED.english
    assert text_of(now(world, posted)) == text_of(posted)
    assert await picks_of(world) == [(world.second_member.id, Verdict.HELPFUL, "note:2")]
    assert TITLE in content(await world.ask())


async def test_a_pick_replaces_a_mentions_answer_until_taken_back(world: World) -> None:
    await world.add_note()
    await world.add_note(OTHER, OTHER_TEXT)
    await world.member.send(world.general, f"<@{world.env.backend.bot_user.id}> {QUESTION}")
    message = world.general.last_message
    assert message is not None

    shown = await chosen(world, message)
    await world.member.click(shown.response, label=PICK)
    assert OTHER in text_of(now(world, message))
    assert QUESTION not in text_of(now(world, message))

    await world.member.click(now(world, message), label="Not helpful")
    assert TITLE in content(await world.ask())


async def test_a_picked_refusal_becomes_the_answer(world: World) -> None:
    await world.add_note()
    await world.ask(f"{UNKNOWN} lisbon")
    refusal = world.general.last_message
    assert refusal is not None

    title, *_ = choices(refusal).values()
    shown = await chosen(world, refusal, title)
    await world.member.click(shown.response, label=PICK)

    answer = now(world, refusal)
    assert messages._CONFIRMED.english.removeprefix("-# ") in text_of(answer)
    assert buttons(answer)[:2] == ["Helpful", "Not helpful"]
    assert await world.gaps(world.guild.id) == []


async def test_a_private_pick_counts_for_the_next_answer(world: World) -> None:
    await world.add_note()
    await world.add_note(OTHER, OTHER_TEXT)
    private = await world.ask(private=True)

    shown = await chosen(world, private.response)
    thanks = await world.member.click(shown.response, label=PICK)

    assert said(thanks) == messages.CONFIRMED.english
    assert OTHER in content(await world.ask(private=True))
    world.speaks(world.member, "de")
    shown = await chosen(world, private.response)
    assert buttons(shown.response) == ["Das beantwortet es"]


async def test_list_and_pick_work_after_a_restart(
    world: World, posted: discord.Message, new_bot: NewBot
) -> None:
    await world.start_again(new_bot)
    shown = await chosen(world, posted)
    assert shown.response is not None
    message = shown.response.message
    await world.start_again(new_bot)

    thanks = await world.member.click(message, label=PICK)

    assert said(thanks) == messages.REPLACED.english
    assert OTHER in text_of(now(world, posted))
    assert OTHER in content(await world.ask(by=world.second_member))


async def test_an_unshown_pick_appears_with_the_next_click(
    world: World, posted: discord.Message
) -> None:
    shown = await chosen(world, posted)
    fail(world, "PATCH", f"/channels/{world.general.id}/messages/{posted.id}", (403, 50001))

    lost = await world.member.click(shown.response, label=PICK)
    again = await world.member.click(shown.response, label=PICK)

    assert said(lost) == messages.CONFIRMED.english
    assert said(again) == messages.REPLACED.english
    assert OTHER in text_of(now(world, posted))
    assert len(await picks_of(world)) == 1


async def test_a_retired_note_is_neither_shown_nor_picked(
    world: World, posted: discord.Message
) -> None:
    moderator = Member(world.moderator.id, "max")
    before = await chosen(world, posted)

    await world.core(
        lambda core: review_service.update_index(
            core, core.store.decisions.retire(world.guild.id, 2, moderator)
        )
    )
    after = await chosen(world, posted)
    picked = await world.member.click(before.response, label=PICK)

    assert buttons(after.response) == []
    assert said(after) == said(picked) == messages.NO_LONGER_QUOTED.english
    assert text_of(now(world, posted)) == text_of(posted)
    assert await picks_of(world) == []


async def test_who_may_not_read_the_channel_any_more_is_shown_nothing_of_it(town: Town) -> None:
    world = town.world
    answered: Any = await world.ask(by=world.moderator, private=True)
    assert is_told(content(answered))
    [*digests] = choices(answered.response)
    shown: list[Any] = [
        await world.moderator.select(answered.response, [digest], custom_id="passages:1")
        for digest in digests
    ]
    [told] = [one for one in shown if is_told(content(one))]
    world.demote(world.moderator)

    again = await world.moderator.click(told.response, label=PICK)

    assert said(again) == messages.NO_LONGER_QUOTED.english
    assert await picks_of(world) == []


def _everywhere(world: World) -> list[str]:
    return [text_of(one) for one in (*world.general.history(), *world.review.history())]


async def test_forged_ids_change_and_show_nothing(
    simcord_env: Env, world: World, posted: discord.Message
) -> None:
    [digest] = [value for value, label in choices(posted).items() if label.startswith(OTHER)]
    other = await world.add_guild()
    theirs = other.general.last_message
    assert theirs is not None

    unknown = world.press(world.member, posted, "passages:1", values=["0" * 32])
    unlisted = world.press(world.member, posted, "passages:1", values=["none of them"])
    none = world.press(world.member, posted, f"pick:99:{digest}:{posted.id}:answers")
    abroad = other.press(other.member, theirs, f"pick:1:{digest}:{theirs.id}:answers")
    looked = other.press(other.member, theirs, "passages:1", values=[digest])
    await simcord_env.settle()
    for result, sentence in (
        (unknown, messages.NO_LONGER_QUOTED),
        (unlisted, messages.NO_LONGER_QUOTED),
        (none, messages.FEEDBACK_GONE),
        (abroad, messages.FEEDBACK_GONE),
        (looked, messages.FEEDBACK_GONE),
    ):
        assert said(result) == sentence.english
    assert await picks_of(world) == []

    # Another message of the bot's is not made an answer.
    await world.ask("What is open source AI?")
    message = world.general.last_message
    assert message is not None
    before = _everywhere(world)
    for wrong in (message.id, world.card.id, 5):
        forged = world.press(world.member, posted, f"pick:1:{digest}:{wrong}:answers")
        await simcord_env.settle()
        assert said(forged) == messages.CONFIRMED.english
    assert _everywhere(world) == before

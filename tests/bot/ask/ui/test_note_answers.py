"""*Answer with a note…*: a helper chooses a note, and the bot posts it once as a reply."""

from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.ask.ui import note_answers
from bot.ask.ui.note_answers import NoteAnswers
from bot.core.core import Core
from bot.text import error_messages
from bot.text.languages import Sentence
from bot.text.markdown import plain
from knowledge.values.notes import Member
from tests.bot.components import part
from tests.bot.faults import fail
from tests.bot.forum import make_forum, page_as_discord_does
from tests.bot.gaps.handing_over import Helping
from tests.bot.message_parts import choices, content, custom_ids, said, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import TEXT, NewBot, World

ASKED = "Hello! Does anybody know where the boats leave at noon?"
FERRIES = "Boats leave from the other quay at noon."
MENU = "Answer with a note…"
UNAVAILABLE = (503, 0)


@pytest.fixture
async def asked(world: World) -> discord.Message:
    """A member's message in a server with two notes."""
    await world.add_note()
    await world.add_note("Ferries", FERRIES)
    return await world.member.send(world.general, ASKED)


async def opened(world: World, message: discord.Message, by: MemberActor | None = None) -> Any:
    """What a helper is shown who opens the menu entry."""
    return shown_message(await (by or world.moderator).context_menu(world.general, MENU, message))


async def chosen_in(world: World, panel: Any, note: int = 1) -> InteractionResult:
    [menu] = [one for one in custom_ids(panel) if one.startswith("note_answer:")]
    result = await world.moderator.select(panel, [str(note)], custom_id=menu)
    assert isinstance(result, InteractionResult)
    return result


async def chosen(world: World, message: discord.Message, note: int = 1) -> str:
    """What a moderator is told who chooses a note."""
    panel = await opened(world, message)
    await chosen_in(world, panel, note)
    return text_of(panel)


def replies(world: World) -> list[discord.Message]:
    return [one for one in world.general.history() if one.author == world.bot.user]


async def test_chosen_note_is_a_reply_with_both_names(world: World, asked: discord.Message) -> None:
    panel = await opened(world, asked)
    assert panel.ephemeral
    assert set(choices(panel)) == {"1", "2"}
    told = await chosen(world, asked)
    [reply] = replies(world)
    posted = english(note_answers.POSTED, link=reply.jump_url)
    assert told == f"{posted} {note_answers.CONFIRMED.english}"
    assert reply.reference is not None
    assert reply.reference.message_id == asked.id
    assert TEXT in text_of(reply)
    assert f"<@{world.moderator.id}>" in text_of(reply)
    assert f"by {plain(world.member.name)}" in text_of(reply)


async def test_the_next_such_question_finds_the_note(world: World, asked: discord.Message) -> None:
    assert FERRIES in content(await world.ask(ASKED)).replace("**", "")
    await chosen(world, asked)
    assert TEXT in content(await world.ask(ASKED)).replace("**", "")


async def test_a_long_note_is_quoted_to_its_limit(world: World) -> None:
    whole = "\n\n".join(f"Step {number}: turn the wheel by one notch." for number in range(40))
    await world.add_note("Wheel", whole)
    await world.add_note("Works", whole * 5)
    message = await world.member.send(world.general, "How do I turn the wheel?")
    await chosen(world, message, 1)
    await chosen(world, message, 2)
    fits, cut = map(text_of, replies(world))
    assert "Step 39" in fits
    assert "Shortened" not in fits
    assert "Shortened" in cut


async def test_note_is_found_by_its_title(world: World, asked: discord.Message) -> None:
    panel = await opened(world, asked)
    for typed, found in (("lisb", ["1"]), ("nowhere", [])):
        form = await world.moderator.click(panel, label="Find by title…")
        await world.moderator.submit_modal(form, {"title": typed})
        assert [*choices(panel)] == found


async def test_helpers_may_answer_and_members_may_not(world: World, asked: discord.Message) -> None:
    helping = Helping(world)
    await world.choose(helper_role=[helping.role])
    assert choices(await opened(world, asked, helping.helper))
    refused = await opened(world, asked, world.second_member)
    assert text_of(refused) == error_messages.NOT_A_HELPER.english


async def test_administrators_can_turn_it_off(world: World, asked: discord.Message) -> None:
    panel = await opened(world, asked)
    await world.choose(note_answers="no")
    assert text_of(await opened(world, asked)) == note_answers.TURNED_OFF.english
    told = await chosen_in(world, panel)
    assert said(told) == note_answers.TURNED_OFF.english
    assert replies(world) == []


@pytest.mark.parametrize("whose", ["bot", "moderator"])
async def test_both_need_to_write(world: World, asked: discord.Message, whose: str) -> None:
    panel = await opened(world, asked)
    role = {"bot": world.bot_role, "moderator": world.moderator_role}[whose]
    deny = discord.Permissions(send_messages=True).value
    world.env.backend.set_overwrite(
        world.general.id, Overwrite(role.id, OverwriteType.ROLE, deny=deny)
    )
    assert said(await chosen_in(world, panel)) == note_answers.CAN_NOT_WRITE.english
    assert text_of(await opened(world, asked)) == note_answers.CAN_NOT_WRITE.english
    assert replies(world) == []


async def test_deleted_message_gets_a_clear_sentence(world: World, asked: discord.Message) -> None:
    panel = await opened(world, asked)
    await world.admin_deletes(asked)
    await chosen_in(world, panel)
    assert text_of(panel) == note_answers.MESSAGE_GONE.english
    assert replies(world) == []


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ((400, 50035), note_answers.MESSAGE_GONE),
        ((403, 50013), note_answers.CAN_NOT_WRITE),
    ],
)
async def test_refused_reply_leaves_nothing(
    world: World, asked: discord.Message, refusal: tuple[int, int], sentence: Sentence
) -> None:
    fail(world, "POST", f"/channels/{world.general.id}/messages", refusal)
    assert await chosen(world, asked) == sentence.english
    assert await recorded_texts(world) == []
    await part(world.bot, NoteAnswers).round()
    assert replies(world) == []


async def test_retired_note_gets_a_clear_sentence(world: World, asked: discord.Message) -> None:
    panel = await opened(world, asked)
    by = Member(world.second_moderator.id, "Mona")
    await world.core(lambda core: core.store.decisions.retire(world.guild.id, 1, by))
    await chosen_in(world, panel)
    assert text_of(panel) == note_answers.NOTE_GONE.english
    assert replies(world) == []


async def test_repeated_press_posts_once(world: World, asked: discord.Message) -> None:
    first, second = await opened(world, asked), await opened(world, asked)
    await chosen_in(world, first)
    await chosen_in(world, second)
    assert text_of(first) == text_of(second)
    assert len(replies(world)) == 1


async def test_kills_between_the_steps_post_once(
    world: World,
    asked: discord.Message,
    strict_discord: StrictDiscord,
    new_bot: NewBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page_as_discord_does(monkeypatch)
    # Discord takes nothing, and the process ends.
    path = f"/channels/{world.general.id}/messages"
    for _ in range(9):
        fail(world, "POST", path, UNAVAILABLE)
    assert await chosen(world, asked) == note_answers.NOT_YET.english
    world.env.backend.faults.clear()
    await world.start_again(new_bot)
    await part(world.bot, NoteAnswers).round()
    assert len(replies(world)) == 1
    # Discord takes the second one, and the process ends before it knows, for hours.
    for number in range(100):
        await world.member.send(world.general, f"And {number}?")
    await chosen(world, asked, 2)
    await world.core(forget_reply)
    strict_discord._once.clear()
    await world.start_again(new_bot)
    await part(world.bot, NoteAnswers).round()
    assert len(replies(world)) == 2


def forget_reply(core: Core) -> None:
    with core.store.database.writing():
        core.store.database.run("update helper_answers set reply_id = null where note_id = 2", [])


async def test_a_deleted_message_deletes_its_question(world: World, asked: discord.Message) -> None:
    await chosen(world, asked)
    assert await recorded_texts(world) == [ASKED]
    await world.admin_deletes(asked)
    assert await recorded_texts(world) == []


async def test_text_of_who_opted_out_is_not_recorded(world: World, asked: discord.Message) -> None:
    await world.core(lambda core: core.store.quote_opt_outs.withhold(world.member.id))
    told = await chosen(world, asked)
    [reply] = replies(world)
    assert told == english(note_answers.POSTED, link=reply.jump_url)
    assert await recorded_texts(world) == [""]


async def test_post_is_recorded_with_its_title(world: World, asked: discord.Message) -> None:
    post = await make_forum(world).post("Boats at noon", ASKED)
    [first] = post.history()
    panel = shown_message(await world.moderator.context_menu(post, MENU, first))
    await chosen_in(world, panel)
    assert await recorded_texts(world) == [f"Boats at noon\n{ASKED}"]
    [_, reply] = post.history()
    assert TEXT in text_of(reply)


async def recorded_texts(world: World) -> list[str]:
    return await world.core(
        lambda core: [row["text"] for row in core.store.database.rows("select text from questions")]
    )

"""The history of a note: the changes of each revision, and its viewers."""

from collections.abc import Callable

import pytest
from simcord import InteractionResult, MemberActor

from bot.notes import list_messages as notes_list_messages
from bot.notes import messages as notes_messages
from bot.process.client import Bot
from knowledge.values.notes import State
from tests.bot.steps import edit, longest_part, reject, said
from tests.bot.world import TITLE, World, build_world, buttons, text_of

FIRST = "The meetup is in Lisbon on Fridays."
SECOND = "The meetup is in Porto on Fridays."
THIRD = "The meetup is in Faro on Mondays."


async def history(world: World, actor: MemberActor, note: str = "1") -> InteractionResult:
    return await actor.slash(world.general, "note history", note=note)


async def revised(world: World) -> None:
    """A note with two approved revisions, then a rejected one."""
    await world.publish(TITLE, FIRST)
    await edit(world, SECOND)
    await world.moderator.click(world.card, label="Approve")
    await edit(world, THIRD)
    form = await world.moderator.click(world.card, label="Reject")
    await world.moderator.submit_modal(form, {"reason": "That is not so."})


async def test_what_a_revision_changed_is_shown_word_by_word(world: World) -> None:
    await world.publish(TITLE, FIRST)
    await edit(world, SECOND)

    content = said(await history(world, world.member))

    assert "~~Lisbon~~" in content
    assert "**Porto**" in content
    assert "revision 2" in content


async def test_earlier_revisions_are_one_click_away_also_after_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    await revised(world)
    result = await history(world, world.member)
    assert result.response is not None
    assert buttons(result.response) == ["Earlier"]
    assert "That is not so" in text_of(result.response)

    await world.bot.close()
    await world.restart(new_bot())
    await world.member.click(result.response, label="Earlier")
    assert "~~Lisbon~~**Porto**" in text_of(result.response)
    assert buttons(result.response) == ["Earlier", "Later"]
    await world.member.click(result.response, label="Earlier")

    assert f"> {FIRST}" in text_of(result.response)


async def test_others_see_what_was_public_once_and_nothing_else(world: World) -> None:
    await revised(world)

    result = await history(world, world.second_member)

    assert result.response is not None
    assert "2 of 2" in said(result)
    assert "Porto" in said(result)
    assert "Faro" not in said(result)
    assert "Faro" in said(await history(world, world.moderator))


async def test_a_forged_page_shows_nothing_that_was_never_public(world: World) -> None:
    await revised(world)
    result = await history(world, world.second_member)
    assert result.response is not None

    world.press(world.second_member, result.response.message, "history:1:2")
    await world.env.settle()

    assert "Faro" not in text_of(result.response)


async def test_what_is_not_live_has_no_history_for_others(world: World) -> None:
    await revised(world)
    await world.moderator.slash(world.general, "note show", note="1")
    await world.propose("Another", "A text about something else.")

    assert said(await history(world, world.second_member, "2")) == notes_messages.NO_HISTORY.english
    assert (
        said(await history(world, world.second_member, "99")) == notes_messages.NO_HISTORY.english
    )


async def test_no_history_of_another_server_is_shown(world: World) -> None:
    await revised(world)
    other = build_world(world.env, "Another")

    assert said(await history(other, other.admin)) == notes_messages.NO_HISTORY.english


async def test_marks_and_mentions_in_a_history_are_text(world: World) -> None:
    await world.publish(TITLE, "Write ~~this~~ to @everyone in **bold** [here](https://a.example).")
    await edit(world, "Write ~~that~~ to @everyone in **bold** [there](https://b.example).")

    content = said(await history(world, world.member))

    assert r"\~\~" in content
    assert "](https://" not in content
    assert r"\[" in content


async def test_a_history_longer_than_a_message_has_the_text_as_a_file(world: World) -> None:
    long = "\n".join(f"Line {number} of a long text." for number in range(150))
    form = await world.member.slash(world.general, "note add", file=("a.md", long.encode()))
    await world.member.submit_modal(form, {"title": TITLE, "tags": "", "link": ""})

    result = await history(world, world.member)

    assert result.response is not None
    assert len(text_of(result.response)) <= 2_000
    [file] = result.response.attachments
    assert (await file.read()).decode() == long


async def listed(world: World, actor: MemberActor, **options: str) -> str:
    return said(await actor.slash(world.general, "note mine", **options))


async def test_who_has_proposed_nothing_is_told_how_to(world: World) -> None:
    assert await listed(world, world.member) == notes_list_messages.NO_NOTES.english


async def test_mine_says_where_each_note_stands(world: World) -> None:
    await world.publish()
    await world.propose("Second", "Another text.")
    await reject(world)
    await world.propose("Third", "A third text.")

    content = await listed(world, world.member)

    assert "3 notes" in content
    third, second, first = content.split("\n-# ")[1:]
    assert third.startswith("**Pending**")
    assert second.startswith("**Rejected**")
    assert r"Not about our topic." in second
    assert first.startswith("**Approved**")
    assert longest_part(notes_messages._ANSWERED_FROM) in first


async def test_mine_lists_nobody_elses_notes(world: World) -> None:
    await world.propose()

    assert await listed(world, world.second_member) == notes_list_messages.NO_NOTES.english


async def test_mine_lists_no_notes_of_another_server(world: World) -> None:
    await world.propose()
    other = build_world(world.env, "Another")

    elsewhere = other.guild.add_member(world.member.user)

    assert (
        said(await elsewhere.slash(other.general, "note mine"))
        == notes_list_messages.NO_NOTES.english
    )


@pytest.mark.parametrize(
    ("state", "title"), [("live", TITLE), ("rejected", "Second"), ("pending", "Third")]
)
async def test_mine_can_be_narrowed_to_a_state(world: World, state: str, title: str) -> None:
    await world.publish()
    await world.propose("Second", "Another text.")
    await reject(world)
    await world.propose("Third", "A third text.")

    content = await listed(world, world.member, state=state)

    assert [name for name in (TITLE, "Second", "Third") if f"**{name}**" in content] == [title]


async def test_only_moderators_get_a_link_to_the_card(world: World) -> None:
    await world.propose()
    await world.propose_as(world.moderator, "Another", "By a moderator.")

    assert "discord.com/channels" not in await listed(world, world.member)
    assert f"/{world.review.id}/" in await listed(world, world.moderator)


async def test_many_notes_are_paged_and_the_buttons_survive_a_restart(
    world: World, new_bot: Callable[[], Bot]
) -> None:
    for number in range(9):
        await world.propose(f"Title {number}", f"Text {number} of many.")
    result = await world.member.slash(world.general, "note mine")
    assert result.response is not None
    assert buttons(result.response) == ["Older"]
    assert "page 1 of 3" in text_of(result.response)
    assert "Title 8" in text_of(result.response)

    await world.bot.close()
    await world.restart(new_bot())
    await world.member.click(result.response, label="Older")

    assert "page 2 of 3" in text_of(result.response)
    assert "Title 4" in text_of(result.response)
    assert buttons(result.response) == ["Newer", "Older"]


async def test_withdrawing_asks_first_and_says_what_it_means(world: World) -> None:
    await world.publish()

    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)

    assert longest_part(notes_messages._WITHDRAW_LIVE) in said(asked)
    assert buttons(asked.response) == ["Withdraw", "Keep it"]
    assert (await world.note()).live


async def test_a_withdrawn_note_is_answered_from_no_more(world: World) -> None:
    await world.publish()
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None

    await world.member.click(asked.response, label="Withdraw")

    assert "is withdrawn" in text_of(asked.response)
    assert (await world.note()).revision.state is State.WITHDRAWN
    assert "Rua Augusta on Fridays" not in said(await world.ask(private=True))
    assert "**Withdrawn**" in text_of(world.card)


async def test_a_note_is_kept_by_who_thinks_better_of_it(world: World) -> None:
    await world.publish()
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None

    await world.member.click(asked.response, label="Keep it")

    assert text_of(asked.response) == notes_messages.NOT_WITHDRAWN.english
    assert (await world.note()).live


async def test_withdrawing_works_after_a_restart(world: World, new_bot: Callable[[], Bot]) -> None:
    await world.propose()
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None

    await world.bot.close()
    await world.restart(new_bot())
    await world.member.click(asked.response, label="Withdraw")

    assert (await world.note()).revision.state is State.WITHDRAWN


async def test_withdrawing_takes_back_what_was_confirmed_and_nothing_else(world: World) -> None:
    await world.propose()
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None
    await world.moderator.click(world.card, label="Approve")
    await edit(world)

    await world.member.click(asked.response, label="Withdraw")

    assert text_of(asked.response) == notes_messages.MOVED_ON.english
    assert (await world.note(1)).live


async def test_a_revision_is_withdrawn_without_the_live_text(world: World) -> None:
    await world.publish()
    await edit(world)
    asked = await world.member.slash(world.general, "note withdraw", note=TITLE)
    assert asked.response is not None

    await world.member.click(asked.response, label="Withdraw")

    withdrawn = notes_messages.withdrawn(await world.note(2))
    assert text_of(asked.response) == withdrawn
    assert "The live text stays" in withdrawn
    assert (await world.note(1)).live
    assert (await world.note(2)).revision.state is State.WITHDRAWN


async def test_nobody_withdraws_another_members_note(world: World) -> None:
    await world.publish()

    result = await world.second_member.slash(world.general, "note withdraw", note="1")
    message = await world.second_member.send(world.general, "Anything.")
    world.press(world.second_member, message, "withdraw:1:yes")
    await world.env.settle()

    assert said(result) == notes_messages.NOTHING_TO_WITHDRAW.english
    assert (await world.note()).live

"""A note's history: what each revision changed, and who may see which."""

from collections.abc import Callable

from simcord import InteractionResult, MemberActor

from bot.client import Bot
from bot.notes import messages as notes_messages
from tests.bot.world import TITLE, World, build_world, buttons

FIRST = "The meetup is in Lisbon on Fridays."
SECOND = "The meetup is in Porto on Fridays."
THIRD = "The meetup is in Faro on Mondays."


async def edit(world: World, text: str) -> None:
    form = await world.member.slash(world.general, "note edit", note="1")
    await world.member.submit_modal(form, {"title": TITLE, "text": text, "tags": "", "link": ""})


async def history(world: World, actor: MemberActor, note: str = "1") -> InteractionResult:
    return await actor.slash(world.general, "note history", note=note)


def said(result: InteractionResult) -> str:
    assert result.response is not None
    assert result.response.ephemeral
    return result.response.content


async def revised(world: World) -> None:
    """A note with a live text, a live one after it, and a rejected one."""
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
    assert "That is not so" in result.response.content

    await world.bot.close()
    await world.restart(new_bot())
    await world.member.click(result.response, label="Earlier")
    assert "~~Lisbon~~**Porto**" in result.response.content
    assert buttons(result.response) == ["Earlier", "Later"]
    await world.member.click(result.response, label="Earlier")

    assert f"> {FIRST}" in result.response.content


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

    assert "Faro" not in result.response.content


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
    assert len(result.response.content) <= 2_000
    [file] = result.response.attachments
    assert (await file.read()).decode() == long

"""*Asked as*: a note's other ways to ask, from its writer, from moderators, from questions."""

from typing import Any

import discord
import pytest

from bot.core.core import Core
from bot.privacy import service as privacy_service
from bot.review import cards, messages
from bot.review.service import Action
from tests.bot.steps import content, everything, said, shown_message
from tests.bot.world import QUESTION, TITLE, UNKNOWN, World, custom_ids, text_of
from tests.bot.world import choices as passages_below

OTHER = "Porto meetup"
OTHER_TEXT = "Another meetup of the community is in Porto, at Rua das Flores."
LABEL = cards.LABELS[Action.WORDINGS].english


async def _panel(world: World, actor: Any = None) -> Any:
    return shown_message(await (actor or world.moderator).click(world.card, label=LABEL))


async def _found_after_a_click(
    world: World, question: str = QUESTION, *, channel: Any = None, **options: Any
) -> None:
    """A member asks, and picks the second of two notes."""
    if not await world.core(lambda core: core.store.notes.live(2)):
        await world.publish()
        await world.publish(OTHER, OTHER_TEXT)
    asked = await world.member.slash(channel or world.general, "ask", question=question, **options)
    answer = shown_message(asked)
    [digest] = [key for key, label in passages_below(answer).items() if label.startswith(OTHER)]
    [select] = [one for one in custom_ids(answer) if one.startswith("passages:")]
    picked = await world.member.select(answer, [digest], custom_id=select)
    await world.member.click(shown_message(picked), label="This answers it")
    await world.bot.outbox.catch_up()


def _forget(core: Core, member_id: int) -> None:
    list(privacy_service.follow(core, privacy_service.forget(core, member_id, withdraw=False)))


async def test_lines_below_the_title_find_the_note_and_are_never_quoted(world: World) -> None:
    await world.propose(f"{TITLE}\nwhen is {UNKNOWN}\nzanzibar hangout")
    assert f"Asked as: when is {UNKNOWN} · zanzibar hangout" in text_of(world.card)
    await world.moderator.click(world.card, label="Approve")

    answer = content(await world.ask("zanzibar hangout"))

    assert "Rua Augusta" in answer
    assert TITLE in answer
    assert "hangout" not in answer.replace("zanzibar hangout", "", 1)


async def test_a_moderator_rewords_a_live_note_on_its_card(world: World) -> None:
    await world.publish()

    form = await world.moderator.click(await _panel(world), label=messages.EDIT_WORDINGS.english)
    done = await world.moderator.submit_modal(form, {"wordings": "zanzibar hangout\n\nthe pub"})

    assert "- zanzibar hangout\n- the pub" in said(done)
    assert "Asked as: zanzibar hangout · the pub" in text_of(world.card)
    assert "Rua Augusta" in content(await world.ask("zanzibar hangout"))


async def test_what_is_wrong_with_a_wording_is_said_and_nothing_is_changed(world: World) -> None:
    await world.publish()
    form = await world.moderator.click(await _panel(world), label=messages.EDIT_WORDINGS.english)

    done = await world.moderator.submit_modal(form, {"wordings": "a\nb\nc\nd\ne\nf"})

    assert "6 other ways to ask; 5 is the most" in everything(done)
    assert (await world.note()).revision.submission.wordings == ()


async def test_a_question_that_found_the_note_after_a_click_is_added_with_one(
    world: World,
) -> None:
    await _found_after_a_click(world)
    assert cards._SUGGESTED.english in text_of(world.card)

    panel = await _panel(world)
    done = await world.moderator.click(panel, label=f"Add “{QUESTION}”")

    assert f"- {QUESTION}" in said(done)
    assert f"Asked as: {QUESTION}" in text_of(world.card)
    assert cards._SUGGESTED.english not in text_of(world.card)


async def test_a_copied_question_goes_with_its_asker(world: World) -> None:
    await _found_after_a_click(world)
    await world.moderator.click(await _panel(world), label=f"Add “{QUESTION}”")

    await world.core(lambda core: _forget(core, world.member.id))
    await world.bot.outbox.catch_up()

    assert QUESTION not in text_of(world.card)
    assert (await world.note(2)).revision.submission.wordings == ()
    assert not await world.core(
        lambda core: [one for one in core.index.document_passages("note:2") if one.wordings]
    )


@pytest.mark.parametrize("where", ["private", "closed", "withheld"])
async def test_questions_that_not_everybody_may_read_are_not_suggested(
    world: World, where: str
) -> None:
    closed = world.guild.create_text_channel(
        "closed",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.bot_role: discord.PermissionOverwrite(view_channel=True),
            world.member.user: discord.PermissionOverwrite(view_channel=True),
        },
    )
    if where == "withheld":
        await world.core(lambda core: core.store.quote_opt_outs.withhold(world.member.id))
    options: dict[str, Any] = {"private": True} if where == "private" else {}

    await _found_after_a_click(
        world, channel=closed if where == "closed" else world.general, **options
    )

    panel = await _panel(world)
    assert QUESTION not in text_of(panel)
    assert [one for one in custom_ids(panel) if one.startswith("wording:")] == []


async def test_a_forged_button_adds_no_question(world: World) -> None:
    await world.publish()
    await world.ask("What does the treasurer earn?")
    panel = await _panel(world)

    world.press(world.moderator, panel.message, "wording:1:1")
    await world.env.settle()

    assert (await world.note()).revision.submission.wordings == ()


async def test_nobody_rewords_their_own_note(world: World) -> None:
    await world.publish()

    def own(core: Core) -> None:
        core.store.database.run("update notes set contributor_id = ?", [world.moderator.id])

    await world.core(own)
    form = await world.moderator.click(await _panel(world), label=messages.EDIT_WORDINGS.english)
    done = await world.moderator.submit_modal(form, {"wordings": "the pub"})
    assert messages.OWN_NOTE.english in everything(done)

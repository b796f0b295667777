"""*Asked as*: a note's other ways to ask, from its writer, from moderators, from questions."""

from typing import Any

import discord

from bot.core.core import Core
from bot.privacy import service as privacy_service
from bot.review import cards, messages
from bot.review.actions import ACTIONS, Action
from tests.bot.steps import content, everything, said, shown_message
from tests.bot.world import QUESTION, TITLE, UNKNOWN, World, choices, custom_ids, text_of

OTHER = "Porto meetup"
OTHER_TEXT = "Another meetup of the community is in Porto, at Rua das Flores."
LABEL = ACTIONS[Action.WORDINGS].label.english


async def _panel(world: World) -> Any:
    return shown_message(await world.moderator.click(world.card, label=LABEL))


async def _submit(world: World, wordings: str) -> Any:
    """Change a note's wordings in the form of its panel."""
    form = await world.moderator.click(await _panel(world), label=messages.EDIT_WORDINGS.english)
    return await world.moderator.submit_modal(form, {"wordings": wordings})


async def _find_by_click(
    world: World, by: Any, question: str, channel: Any, **options: Any
) -> None:
    """Ask, and confirm the second of two notes as the answer."""
    asked = await by.slash(channel, "ask", question=question, **options)
    answer = shown_message(asked)
    [digest] = [key for key, label in choices(answer).items() if label.startswith(OTHER)]
    [select] = [one for one in custom_ids(answer) if one.startswith("passages:")]
    picked = await by.select(answer, [digest], custom_id=select)
    await by.click(shown_message(picked), label="This answers it")


async def test_wordings_find_the_note_unquoted(world: World) -> None:
    await world.propose(f"{TITLE}\nwhen is {UNKNOWN}\nzanzibar hangout")
    assert f"Asked as: when is {UNKNOWN} · zanzibar hangout" in text_of(world.card)
    await world.moderator.click(world.card, label="Approve")

    answer = content(await world.ask("zanzibar hangout"))

    assert "Rua Augusta" in answer
    assert TITLE in answer
    assert "hangout" not in answer.replace("zanzibar hangout", "", 1)


async def test_a_moderator_rewords_a_live_note(world: World) -> None:
    await world.publish()
    refused = await _submit(world, "a\nb\nc\nd\ne\nf")
    assert "6 other ways to ask; the limit is 5" in everything(refused)
    assert (await world.note()).revision.submission.wordings == ()

    done = await _submit(world, "zanzibar hangout\n\nthe pub")

    assert "- zanzibar hangout\n- the pub" in said(done)
    assert "Asked as: zanzibar hangout · the pub" in text_of(world.card)
    assert cards._SUGGESTED.english not in text_of(world.card)
    assert "Rua Augusta" in content(await world.ask("zanzibar hangout"))


async def test_only_public_questions_are_suggested(world: World) -> None:
    await world.publish()
    await world.publish(OTHER, OTHER_TEXT)
    shown = discord.PermissionOverwrite(view_channel=True)
    closed = world.guild.create_text_channel(
        "closed",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            world.bot_role: shown,
            world.member.user: shown,
        },
    )
    member, second = world.member, world.second_member
    await _find_by_click(world, member, f"{QUESTION} private", world.general, private=True)
    await _find_by_click(world, member, f"{QUESTION} closed", closed)
    await _find_by_click(world, second, f"{QUESTION} withheld", world.general)
    await world.core(lambda core: core.store.quote_opt_outs.withhold(second.id))
    await world.bot.outbox.catch_up()
    panel = await _panel(world)
    assert QUESTION not in text_of(panel)
    assert [one for one in custom_ids(panel) if one.startswith("wording:")] == []

    await _find_by_click(world, member, QUESTION, world.general)
    await world.bot.outbox.catch_up()
    assert cards._SUGGESTED.english in text_of(world.card)
    panel = await _panel(world)
    [suggested] = [one for one in custom_ids(panel) if one.startswith("wording:")]
    done = await world.moderator.click(panel, custom_id=suggested)

    assert f"- {QUESTION}\n" in f"{said(done)}\n"
    assert f"Asked as: {QUESTION}" in text_of(world.card)

    # A copied question is deleted with its asker's data.
    def forget(core: Core) -> None:
        forgotten = privacy_service.forget(core, member.id, withdraw=False)
        list(privacy_service.update_index(core, forgotten))

    await world.core(forget)
    await world.bot.outbox.catch_up()
    assert QUESTION not in text_of(world.card)
    assert (await world.note(2)).revision.submission.wordings == ()
    assert not await world.core(
        lambda core: [one for one in core.index.document_passages("note:2") if one.wordings]
    )


async def test_a_forged_button_adds_no_question(world: World) -> None:
    await world.publish()
    await world.ask("What does the treasurer earn?")
    panel = await _panel(world)

    world.press(world.moderator, panel.message, "wording:1:1")
    await world.env.settle()

    assert (await world.note()).revision.submission.wordings == ()


async def test_moderators_do_not_reword_their_own_notes(world: World) -> None:
    await world.publish()

    def own(core: Core) -> None:
        core.store.database.run("update notes set contributor_id = ?", [world.moderator.id])

    await world.core(own)
    assert messages.OWN_NOTE.english in everything(await _submit(world, "the pub"))

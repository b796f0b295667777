"""Review cards in Discord: their decisions, forms and menus, for notes in every state."""

from typing import Any

import discord
from simcord import InteractionResult

from bot.core.core import Core
from bot.privacy import service as privacy_service
from bot.process.login import invite_permissions
from bot.review import cards, messages
from bot.review.actions import ACTIONS, Action, confirmation
from bot.text import markdown
from knowledge.values.notes import NoticeEvent, Obstacle, State
from knowledge.values.submissions import REASON_CHARACTERS
from tests.bot.message_parts import (
    buttons,
    choices,
    content,
    custom_ids,
    everything,
    longest_part,
    said,
    shown_message,
    text_of,
)
from tests.bot.spoken import english
from tests.bot.world import EDITED, QUESTION, SENTENCE, TEXT, TITLE, UNKNOWN, NewBot, World, on_note


async def test_an_approval_shows_on_card_and_notice(world: World, new_bot: NewBot) -> None:
    await world.propose()
    card = world.card.id
    assert "If published" not in text_of(world.card)
    await world.start_again(new_bot)
    asked = await world.moderator.click(world.card, label="What would change?")
    assert "Nobody has asked" in said(asked)

    clicked = await world.moderator.click(world.card, label="Approve")

    note = await world.note()
    assert said(clicked) == english(confirmation, note, Action.APPROVE)
    assert SENTENCE in await world.answer()
    assert [message.id for message in world.review.history()] == [card]
    assert f"**Approved** by {markdown.plain(world.moderator.name)}" in text_of(world.card)
    assert buttons(world.card) == ["Retire", "Undo", "Asked as…"]
    assert world.notices() == english(messages.notice_parts, note, NoticeEvent.APPROVED)

    def log(core: Core) -> tuple[list[str], int | None]:
        entries = core.store.audit_log.entries()
        members = core.store.audit_log.members()
        return [entry.event for entry in entries], members[entries[-1].actor or 0]

    assert await world.core(log) == (["settings", "proposed", "approved"], world.moderator.id)


async def test_a_rejected_note_returns_with_the_reason(world: World) -> None:
    await world.propose()
    form = await world.moderator.click(world.card, label="Reject")
    assert form.modal is not None
    [label] = form.modal["components"]
    assert label["component"]["max_length"] == REASON_CHARACTERS
    assert await world.state() is State.PENDING

    await world.moderator.submit_modal(form, {"reason": "Not about our topic."})

    assert SENTENCE not in await world.answer()
    assert f"**Rejected** by {markdown.plain(world.moderator.name)}" in text_of(world.card)
    assert "Not about our topic." in text_of(world.card)
    assert buttons(world.card) == ["Undo"]
    outcome, text = world.notices()
    assert outcome.endswith("Reason: Not about our topic.")
    assert f"> {TEXT}" in text


async def test_a_blank_reason_is_no_reason(world: World) -> None:
    await world.propose()

    await world.reject("   ")

    assert "Reason:" not in world.notices()[0]


async def test_a_card_is_edited_without_forbidden_files(world: World) -> None:
    await world.propose(text="long " * 500)
    allowed = invite_permissions()
    allowed.update(attach_files=False)
    changed = {"permissions": allowed.value}
    world.env.backend.edit_role(world.guild.id, world.bot_role.id, changed)

    await world.moderator.click(world.card, label="Approve")

    assert text_of(world.card).startswith("**Approved** by")


async def test_requested_changes_lead_to_a_revision(world: World) -> None:
    await world.propose()
    await world.decide(world.moderator, "Request changes", {"reason": "Which Fridays?"})
    assert await world.state() is State.CHANGES_REQUESTED
    assert "**Changes requested**" in text_of(world.card)

    notice = world.member.user.dm_channel.history()[0]
    assert "Reason: Which Fridays?" in text_of(notice)
    form = await world.member.user.click(notice, label="Revise and resubmit")
    result = await world.member.user.submit_modal(form, {"title": TITLE, "text": EDITED})

    assert result.response is not None
    assert "is with the moderators" in text_of(result.response)
    await world.moderator.click(world.card, label="Approve")
    assert "on Saturdays" in await world.answer()


async def test_contributors_see_a_moderators_changes(world: World) -> None:
    await world.propose(tags="meetup")
    blank = {"title": TITLE, "text": " \n ", "tags": ""}
    refused = await world.decide(world.moderator, "Edit & approve", blank)
    assert "The text is empty" in said(refused)
    assert await world.state() is State.PENDING

    fields = {"title": TITLE, "text": EDITED, "tags": "meetup"}
    result = await world.decide(world.moderator, "Edit & approve", fields)

    assert "in your words" in said(result)
    assert "on Saturdays" in await world.answer()
    assert "~~Fridays~~**Saturdays**" in "\n".join(world.notices())
    first, second = world.review.history()
    assert cards._REPLACED.english in text_of(first)
    assert "edited by" in text_of(second)
    assert (await world.note(1)).revision.submission.text == TEXT


async def test_a_duplicate_is_closed_with_its_original(world: World) -> None:
    await world.publish("Where we meet", "The club meets at Rua Augusta 24.")
    await world.propose()

    async def duplicate_of(named: str) -> InteractionResult:
        fields = {"duplicate_of": named, "reason": "As said."}
        chosen = [Action.DUPLICATE]
        form = await world.moderator.select(world.card, chosen, custom_id="card_menu:2")
        return await world.moderator.submit_modal(form, fields)

    unknown = await duplicate_of("nothing of that name")
    assert longest_part(messages._OBSTACLES[Obstacle.NO_ORIGINAL]) in said(unknown)
    assert "As said." in text_of(unknown.followups[0])
    assert await world.state(2) is State.PENDING

    closed = await duplicate_of("where we meet")
    assert "as a duplicate" in said(closed)
    assert await world.state(2) is State.REJECTED
    assert "**Duplicate**" in text_of(world.card)
    assert "repeats something I already know (Where we meet)" in "\n".join(world.notices())


async def test_a_resubmission_is_compared_with_the_returned(world: World) -> None:
    await world.propose()
    await world.decide(world.moderator, "Request changes", {"reason": "On which day?"})
    assert "Undo" in buttons(world.card)
    form = await world.moderator.click(world.card, label="Undo")

    edited = await on_note(world.member, world.general, "Edit", "1")
    await world.member.submit_modal(edited, {"title": TITLE, "text": EDITED})

    old, new = world.review.history()
    assert "~~Fridays~~**Saturdays**" in text_of(new)
    assert "Undo" not in buttons(old)
    late = await world.moderator.submit_modal(form, {"reason": ""})
    assert said(late) == english(messages._OBSTACLES[Obstacle.REVISED], title=TITLE)
    assert not late.followups
    assert await world.state() is State.CHANGES_REQUESTED


async def test_message_menu_shows_a_card_with_its_buttons(world: World) -> None:
    hello = await world.member.send(world.general, "hello")
    result = await world.moderator.context_menu(world.general, "Decide on note…", hello)
    assert said(result) == messages.NOT_A_CARD.english

    await world.propose()
    shown = await world.moderator.context_menu(world.review, "Decide on note…", world.card)
    form = await world.moderator.click(shown_message(shown), label="Reject")
    await world.moderator.submit_modal(form, {"reason": "No."})
    assert await world.state() is State.REJECTED
    await world.propose("Ferries", "Boats leave from the other quay at noon.")
    shown = await world.moderator.context_menu(world.review, "Decide on note…", world.card)
    await world.moderator.click(shown_message(shown), label="Approve")
    assert await world.state(2) is State.APPROVED


async def test_a_card_previews_and_lists_the_impact(world: World) -> None:
    await world.ask()
    await world.ask("when is the community meetup in Lisbon", private=True)
    await world.propose()
    assert english(
        cards.IF_PUBLISHED, change=english(cards._OF_THE_LAST, 1, changes="1 more sure answer")
    ) in text_of(world.card)

    result = await world.moderator.click(world.card, label="What would change?")

    assert "no answer → " in said(result)
    assert "community meetup Lisbon Rua Augusta" in said(result)
    # Nobody else may read a private question.
    assert "when is" not in said(result)
    await world.moderator.click(world.card, label="Approve")
    assert "If published" not in text_of(world.card)


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
    [select] = [key for key in custom_ids(answer) if key.startswith("passages:")]
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
    assert [key for key in custom_ids(panel) if key.startswith("wording:")] == []

    await _find_by_click(world, member, QUESTION, world.general)
    await world.bot.outbox.catch_up()
    assert cards._SUGGESTED.english in text_of(world.card)
    panel = await _panel(world)
    [suggested] = [key for key in custom_ids(panel) if key.startswith("wording:")]
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
        lambda core: [found for found in core.index.document_passages("note:2") if found.wordings]
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

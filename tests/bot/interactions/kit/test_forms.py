"""Forms that were open during a restart are accepted, and no input is lost."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest
from simcord import InteractionResult, MemberActor

from bot.core.core import Core
from bot.interactions.kit.buttons import ID_CHARACTERS
from bot.notes import drafts
from bot.notes import messages as notes_messages
from bot.review import messages as review_messages
from bot.review.actions import Action
from bot.text import error_messages
from knowledge.values.notes import Problem, State
from knowledge.values.questions import Verdict
from knowledge.values.submissions import FORM_CHARACTERS
from tests.bot.components import BUTTONS, FORMS
from tests.bot.forged_ids import forgeries, settled
from tests.bot.message_parts import everything, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import TEXT, TITLE, UNKNOWN, NewBot, World, in_menu, on_note

TYPED = "What somebody took an hour to type about Fridays in Porto."


NOTE = {"title": "Porto", "text": TYPED}


LONG = "\n".join(f"Line {number} of the door codes." for number in range(200))


Opened = tuple[MemberActor, InteractionResult]


Open = Callable[[World], Awaitable[Opened]]


Check = Callable[[World, InteractionResult], Awaitable[None]]


def said(result: InteractionResult) -> str:
    """The text of a private response, or of what followed on it."""
    response = result.response or result.followups[0]
    assert response.ephemeral
    return response.content


async def latest_text(world: World, revision_id: int) -> str:
    note = await world.note(revision_id)
    assert note.revision.state is State.PENDING
    return note.revision.submission.text


# Opening each form.


async def add(world: World) -> Opened:
    return world.member, await world.member.slash(world.general, "note add")


async def save(world: World) -> Opened:
    message = await world.second_member.send(world.general, TEXT)
    return world.member, await world.member.context_menu(world.general, "Save as note", message)


async def write_for_a_gap(world: World) -> Opened:
    refused = await world.ask(UNKNOWN)
    assert refused.response is not None
    return world.member, await world.member.click(refused.response, label="Write this note")


async def edit(world: World) -> Opened:
    await world.publish()
    return world.member, await on_note(world.member, world.general, "Edit", TITLE)


async def edit_long(world: World) -> Opened:
    added = await world.member.slash(world.general, "note add", file=("a.txt", LONG.encode()))
    await world.member.submit_modal(added, {"title": TITLE})
    listed = await on_note(world.member, world.general, "Edit", "1")
    assert listed.response is not None
    form = await world.member.click(listed.response, label="Upload the edited text")
    return world.member, form


async def revise_in_a_direct_message(world: World) -> Opened:
    await world.propose()
    ruling = await world.moderator.click(world.card, label="Reject")
    await world.moderator.submit_modal(ruling, {"reason": "Why?"})
    notice = world.member.user.dm_channel.history()[0]
    user: Any = world.member.user
    return user, await user.click(notice, label="Revise and resubmit")


async def continue_editing(world: World) -> Opened:
    result = await world.propose(title=" ")
    assert result.response is not None
    return world.member, await world.member.click(result.response, label="Continue editing")


async def continue_editing_long(world: World) -> Opened:
    file = ("a.txt", LONG.encode())
    form = await world.member.slash(world.general, "note add", file=file, tag="?")
    fields = {"title": TITLE, "tags": "?"}
    result = await world.member.submit_modal(form, fields)
    assert result.response is not None
    return world.member, await world.member.click(result.response, label="Continue editing")


async def add_details(world: World) -> Opened:
    taken = await world.propose()
    return world.member, await world.member.click(shown_message(taken), label="Add details")


async def extend(world: World, text: str = f"{TEXT} Everybody is welcome.") -> Opened:
    await world.publish()
    form = await world.member.slash(world.general, "note add")
    fields = {"title": "Meetup in Lisbon", "text": text}
    result = await world.member.submit_modal(form, fields)
    assert result.response is not None
    return world.member, await world.member.click(result.response, label=f"Extend “{TITLE}”")


async def extend_long(world: World) -> Opened:
    repeated = (f"{TEXT} " * 100)[: FORM_CHARACTERS - 10]
    return await extend(world, repeated)


def on_the_card(label: str) -> Open:
    async def opened(world: World) -> Opened:
        await world.propose()
        return world.moderator, await world.moderator.click(world.card, label=label)

    return opened


async def duplicate_by_menu(world: World) -> Opened:
    await world.propose()
    chosen = [Action.DUPLICATE]
    form = await world.moderator.select(world.card, chosen, custom_id="card_menu:1")
    return world.moderator, form


async def reject_by_menu(world: World) -> Opened:
    await world.propose()
    shown = await world.moderator.context_menu(world.review, "Decide on note…", world.card)
    return world.moderator, await world.moderator.click(shown_message(shown), label="Reject")


async def edit_and_approve_long(world: World) -> Opened:
    added = await world.member.slash(world.general, "note add", file=("a.txt", LONG.encode()))
    await world.member.submit_modal(added, {"title": TITLE})
    return world.moderator, await world.moderator.click(world.card, label="Edit & approve")


async def report(world: World) -> Opened:
    await world.publish()
    answer = await world.ask()
    assert answer.response is not None
    return world.second_member, await in_menu(world.second_member, answer.response, "Report")


async def say_why(world: World) -> Opened:
    answer = await world.ask("What is open source AI?")
    assert answer.response is not None
    asked = await world.member.click(answer.response, label="Not helpful")
    assert asked.response is not None
    return world.member, await world.member.select(asked.response, ["other"])


# What must have come of each.


async def described(world: World, _result: InteractionResult) -> None:
    assert (await world.note()).revision.submission.tags == ("port",)


def proposed(revision_id: int, text: str = TYPED) -> Check:
    async def check(world: World, result: InteractionResult) -> None:
        assert await latest_text(world, revision_id) == text.strip()
        assert said(result) == english(notes_messages.note_submitted, await world.note(revision_id))

    return check


async def saved(world: World, result: InteractionResult) -> None:
    await proposed(1)(world, result)
    assert "Saved from a message in" in text_of(world.card)


async def written_for_the_gap(world: World, result: InteractionResult) -> None:
    await proposed(1)(world, result)
    assert await world.core(lambda core: core.store.gaps.question_of_note(1)) == 1


async def extended_long(world: World, result: InteractionResult) -> None:
    text = await latest_text(world, 2)
    assert text.startswith(f"{TEXT}\n\n{TEXT}")
    assert len(text) > FORM_CHARACTERS


def decided(state: State) -> Check:
    async def check(world: World, result: InteractionResult) -> None:
        assert (await world.note()).revision.state is state
        assert TYPED in "\n".join(
            text_of(message) for message in world.member.user.dm_channel.history()
        )

    return check


async def approved_in_other_words(world: World, result: InteractionResult) -> None:
    note = await world.note(2)
    assert (note.live, note.revision.submission.text) == (True, TYPED)


async def reported(world: World, result: InteractionResult) -> None:
    [one] = (await world.note()).reports
    assert (one.problem, one.reason) == (Problem.WRONG, TYPED)


async def reason_kept(world: World, result: InteractionResult) -> None:
    [one] = await world.core(lambda core: core.store.feedback_records.of(1))
    assert (one.verdict, one.reason) == (Verdict.UNHELPFUL, TYPED)


EVERY_FORM = [
    pytest.param(add, NOTE, proposed(1), id="add"),
    pytest.param(
        add, {**NOTE, "text": "", "file": ("a.md", TYPED.encode())}, proposed(1), id="add, a file"
    ),
    pytest.param(save, {**NOTE, "link": ""}, saved, id="save as note"),
    pytest.param(write_for_a_gap, NOTE, written_for_the_gap, id="write for a gap"),
    pytest.param(edit, NOTE, proposed(2), id="edit"),
    pytest.param(edit_long, {"title": "New"}, proposed(2, LONG), id="edit, long"),
    pytest.param(
        edit_long,
        {"title": "New", "file": ("a.md", TYPED.encode())},
        proposed(2),
        id="edit, long, a file",
    ),
    pytest.param(revise_in_a_direct_message, NOTE, proposed(2), id="revise"),
    pytest.param(continue_editing, NOTE, proposed(1), id="continue editing"),
    pytest.param(
        continue_editing_long,
        {"title": "New", "tags": ""},
        proposed(1, LONG),
        id="continue editing, long",
    ),
    pytest.param(add_details, {"tags": "port"}, described, id="details"),
    pytest.param(extend, NOTE, proposed(2), id="extend"),
    pytest.param(extend_long, {"title": TITLE}, extended_long, id="extend, long"),
    pytest.param(
        on_the_card("Request changes"),
        {"reason": TYPED},
        decided(State.CHANGES_REQUESTED),
        id="request changes",
    ),
    pytest.param(on_the_card("Reject"), {"reason": TYPED}, decided(State.REJECTED), id="reject"),
    pytest.param(reject_by_menu, {"reason": TYPED}, decided(State.REJECTED), id="reject by menu"),
    pytest.param(
        duplicate_by_menu,
        {"duplicate_of": "https://elsewhere.example", "reason": TYPED},
        decided(State.REJECTED),
        id="duplicate",
    ),
    pytest.param(
        on_the_card("Edit & approve"),
        {"title": TITLE, "text": TYPED, "tags": ""},
        approved_in_other_words,
        id="edit and approve",
    ),
    pytest.param(
        edit_and_approve_long,
        {"title": TITLE, "file": ("a.md", TYPED.encode()), "tags": ""},
        approved_in_other_words,
        id="edit and approve, long",
    ),
    pytest.param(report, {"problem": ["wrong"], "reason": TYPED}, reported, id="report"),
    pytest.param(say_why, {"reason": TYPED}, reason_kept, id="reason"),
]


@pytest.mark.parametrize(("open_form", "fields", "check"), EVERY_FORM)
async def test_a_form_that_was_open_at_a_restart_is_taken(
    world: World, new_bot: NewBot, open_form: Open, fields: Any, check: Check
) -> None:
    actor, form = await open_form(world)

    await world.start_again(new_bot)
    await world.core(watch_forms)
    result = await actor.submit_modal(form, fields)

    await check(world, result)
    # It was marked as taken before it was done with, with its effect: a kill doubles nothing.
    assert await world.core(forms_done) == [(1, "[]")]


def watch_forms(core: Core) -> None:
    """Record each form's state at its deletion from the inbox."""
    for sql in (
        "create temp table forms_done (taken integer, fields text)",
        "create temp trigger form_done before delete on inbox begin "
        "insert into forms_done values (old.taken, old.fields); end",
    ):
        core.store.database.run(sql, [])


def forms_done(core: Core) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in core.store.database.rows("select * from forms_done")]


async def test_a_form_in_memory_is_taken_once(world: World) -> None:
    result = await world.propose()

    assert said(result) == english(notes_messages.note_submitted, await world.note(1))
    assert result.followups == []
    assert await world.core(lambda core: core.store.notes.find(2, world.guild.id)) is None


# What can't be taken is given back.


async def test_lost_files_keep_typed_text(world: World, new_bot: NewBot) -> None:
    form = await world.member.slash(world.general, "note add", file=("a.md", TEXT.encode()))
    await world.start_again(new_bot)

    result = await world.member.submit_modal(form, {"title": TYPED})
    assert result.response is not None
    again = await world.member.click(result.response, label="Continue editing")

    assert said(result) == drafts.FILE_LOST.english
    assert again.modal is not None
    assert again.modal["components"][0]["component"]["value"] == TYPED


async def test_a_gone_notes_form_returns_text(world: World, new_bot: NewBot) -> None:
    actor, form = await edit_long(world)
    await world.start_again(new_bot)

    def gone(core: Core) -> None:
        core.store.personal_data.forget(world.member.id, withdraw=True)

    await world.core(gone)
    result = await actor.submit_modal(form, {"title": TYPED})

    assert notes_messages.NO_SUCH_NOTE.english in said(result)
    assert result.response is not None
    [file] = result.response.message.attachments
    assert TYPED in (await file.read()).decode()


@pytest.mark.parametrize("label", ["Reject", "Edit & approve"])
async def test_a_decided_notes_wording_returns(world: World, label: str) -> None:
    actor, form = await on_the_card(label)(world)
    await world.second_moderator.click(world.card, label="Approve")

    fields = {"reason": TYPED} if label == "Reject" else {"title": "T", "text": TYPED, "tags": ""}
    result = await actor.submit_modal(form, fields)

    assert "Already decided" in said(result)
    [back] = result.followups
    assert review_messages.NOT_USED.english in back.content
    assert TYPED in back.content


def sent(world: World, custom_id: str, text: str) -> InteractionResult:
    """Submit a form that no bot has opened."""
    return world.submit(world.member, custom_id, {"reason": text})


@pytest.mark.parametrize("text", [TYPED, "long " * 600, "```\ncode\n```"])
async def test_an_unknown_form_returns_text(world: World, text: str) -> None:
    result = sent(world, "form:former:1:ab", text)
    await world.env.settle()

    assert error_messages.UNKNOWN_FORM.english in said(result)
    assert result.response is not None
    if text == TYPED:
        assert text in said(result)
    else:
        [file] = result.response.message.attachments
        assert (await file.read()).decode() == text


async def test_a_forged_form_tells_nothing_of_a_note_that_is_pending(world: World) -> None:
    await world.propose(title="Emergency ladder")
    fields = {"title": "Mine", "text": "Not mine."}
    custom_id = f"form:note:1:{world.guild.id}:0:0:0:note:u:ab"
    result = world.submit(world.second_member, custom_id, fields)
    await world.env.settle()
    assert "Emergency ladder" not in everything(result)
    assert notes_messages.NO_SUCH_NOTE.english in everything(result)


async def test_a_failing_form_returns_text(world: World, caplog: pytest.LogCaptureFixture) -> None:
    actor, form = await say_why(world)
    await world.core(lambda core: core.close())

    result = await actor.submit_modal(form, {"reason": TYPED})

    assert TYPED in text_of(result.followups[0])
    assert TYPED not in caplog.text


# Numbers of things of the first server, and of nothing.
NUMBERS = ["0", "1", "2", "3", "8" + "9" * 18]


NO_NUMBERS = ["9" * 19, "9" * 40, "-1", "\u0663", "1.5", "", "1 or 1=1"]


TABLES = ("notes", "revisions", "reviews", "reports", "questions", "feedback", "gap_notes", "log")


# Waiting for the bot costs more than the clicks themselves.
AT_ONCE = 50


# Such buttons change only their sender's own choices.
OWN_CHOICES = "privacy"


def batches(custom_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(custom_ids), AT_ONCE):
        yield custom_ids[at : at + AT_ONCE]


async def contents(world: World) -> list[Any]:
    def rows(core: Core) -> list[Any]:
        return [core.store.database.rows(f"select * from {table}") for table in TABLES]  # noqa: S608

    return list(await world.core(rows))


async def tell_nothing(world: World, before: int, results: Sequence[InteractionResult]) -> None:
    """Wait until all forged interactions are answered, by sentences without the note's text."""
    await settled(world, results)
    said = str([request.json for request in world.env.http_requests[before:]])
    assert "Something went wrong" not in said
    assert error_messages.BUSY.english not in said
    assert "Lisbon" not in said


async def test_ids_of_another_server_change_nothing(world: World) -> None:
    other = await world.add_guild()
    before = await contents(world)
    buttons = [
        custom_id
        for number in NUMBERS
        for kind in BUTTONS
        for custom_id in forgeries(kind.ids, number)
        if not custom_id.startswith(OWN_CHOICES)
    ]
    forms = [
        forged for number in NUMBERS for kind in FORMS for forged in forgeries(kind.ids, number)
    ]
    forms += [next(forgeries(FORMS[0].ids, number)) for number in NO_NUMBERS]
    # The blank text keeps the form of a new note in the forger's own server from being taken.
    fields: dict[str, str | list[str]] = {"text": " ", "reason": "Typed.", "problem": ["wrong"]}

    for some in batches(buttons):
        message = await other.moderator.send(other.general, "hello")
        sent = len(world.env.http_requests)
        results = [world.press(other.moderator, message, custom_id) for custom_id in some]
        await tell_nothing(world, sent, results)
    for some in batches(forms):
        sent = len(world.env.http_requests)
        results = [other.submit(other.moderator, custom_id, fields) for custom_id in some]
        await tell_nothing(world, sent, results)

    assert await contents(world) == before


async def test_a_button_without_a_number_is_unknown(world: World) -> None:
    message = await world.member.send(world.general, "hello")
    forged = [
        custom_id
        for number in filter(None, NO_NUMBERS)
        for kind in BUTTONS
        for custom_id in forgeries(kind.ids, number)
        if number in custom_id and len(custom_id) <= ID_CHARACTERS
    ]

    for some in batches(forged):
        results = [world.press(world.moderator, message, custom_id) for custom_id in some]
        await settled(world, results)
        for custom_id, result in zip(some, results, strict=True):
            assert result.response is not None, custom_id
            assert text_of(result.response) == error_messages.UNKNOWN_BUTTON.english, custom_id


async def test_choices_that_no_form_offers_are_given_back(world: World) -> None:
    await world.publish()
    forged: list[dict[str, str | list[str]]] = [
        {"problem": ["none of them"], "reason": "Typed."},
        {"problem": [], "reason": "Typed."},
        {"problem": ["wrong"], "note": ["9" * 30], "reason": "Typed."},
        {"reason": "Typed."},
        {"problem": ["wrong", "unsafe"], "reason": "Typed.", "a": "", "b": "", "c": "", "d": ""},
    ]

    for fields in forged:
        result = world.submit(world.member, "form:report:1:ab", fields)
        await world.env.settle()
        assert result.response is not None
        assert "Typed." in text_of(result.response) or "Thanks." in text_of(result.response)

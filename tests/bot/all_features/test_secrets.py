"""Secrets in notes: shown to nobody, kept in the store."""

from typing import Any

from bot.answers.ask import Ask
from bot.review import cards
from bot.review.ui.panel import ReviewPage
from knowledge.review.risk_flags import Risk
from knowledge.secrets import HIDDEN
from tests.bot.message_parts import everything, shown_message, text_of
from tests.bot.world import TITLE, World, on_note

TOKEN = "ghp_" + "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zC5fG7"
TEXT = f"The community meetup is in Lisbon at Rua Augusta, its key is {TOKEN} on Fridays."
LONG = TEXT + "\n\nA line of a longer text about the meetup." * 60
_FILED = "note-1-revision-1.md"


async def _contents(message: Any) -> str:
    files = [(await file.read()).decode() for file in message.attachments]
    return "\n".join([text_of(message), *files])


async def test_a_secret_is_hidden_in_card_file_answer_and_history_and_stays_stored(
    world: World,
) -> None:
    await world.propose(f"Meetup {TOKEN}", LONG)
    seen = [await _contents(world.card)]
    assert [file.filename for file in world.card.attachments] == [_FILED]
    assert f"⚠ {cards._RISKS[Risk.SECRET].english}: GitHub Token" in seen[0]
    await world.moderator.click(world.card, label="Approve")
    seen.append(await _contents(world.card))

    for actor, command, options in (
        (world.member, "ask", {"question": "Where is the community meetup?"}),
        (world.second_member, "search", {"query": "community meetup key"}),
        (world.second_member, "note show", {"note": "1"}),
        (world.member, "note mine", {}),
    ):
        result = await actor.slash(world.general, command, **options)
        files = [await file.read() for file in shown_message(result).attachments]
        seen += [everything(result), *(file.decode() for file in files)]
    panels = [await world.open_note(), await world.open_review(ReviewPage.LOG)]
    seen += [await _contents(panel) for panel in panels]
    form = await on_note(world.second_member, world.general, "Report", "1")
    fields = {"problem": ["wrong"], "reason": "Old."}
    seen.append(everything(await world.second_member.submit_modal(form, fields)))
    history = await world.moderator.click(panels[0], label="History")
    seen.append(everything(history))
    seen += [await _contents(message) for message in world.review.history()]

    assert TOKEN not in "\n".join(map(str, seen))
    assert sum(HIDDEN in str(one) for one in seen) >= 8
    assert not world.notices() or TOKEN not in "\n".join(world.notices())
    assert (await world.note()).revision.submission.text == LONG


async def test_a_secret_does_not_come_back_by_direct_message(world: World) -> None:
    await world.propose(TITLE, TEXT)
    await world.reject()

    assert HIDDEN in "\n".join(world.notices())
    assert TOKEN not in "\n".join(world.notices())


async def test_a_long_text_returns_without_its_secret(world: World) -> None:
    long = f"{TEXT}\n\n" + "A line of a text that no form holds.\n" * 200
    form = await world.member.slash(world.general, "note add", file=("a.md", long.encode()))
    await world.member.submit_modal(form, {"title": TITLE})
    await world.reject()
    notice, *rest = world.member.user.dm_channel.history()
    seen = [await _contents(one) for one in (notice, *rest)]
    user: Any = world.member.user
    again = await user.click(notice, label="Revise and resubmit")
    [file] = shown_message(again).attachments
    seen.append((await file.read()).decode())

    assert TOKEN not in "\n".join(seen)
    assert HIDDEN in seen[-1]
    assert sum(HIDDEN in one for one in seen) >= 2


async def test_contributors_edit_typed_text_and_moderators_shown_text(world: World) -> None:
    await world.propose(TITLE, TEXT)
    own = await on_note(world.member, world.general, "Edit", TITLE)
    form = await world.moderator.click(world.card, label="Edit & approve")

    assert TOKEN in str(own.modal)
    assert TOKEN not in str(form.modal)
    assert HIDDEN in str(form.modal)


async def test_no_passage_of_the_index_has_the_secret(world: World) -> None:
    await world.publish(TITLE, TEXT)
    scopes = Ask("", 0, world.guild.id).scopes
    passages = await world.core(lambda core: core.document("note:1", scopes))

    assert HIDDEN in passages[0].text
    assert TOKEN not in str(passages)

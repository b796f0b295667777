"""The buttons below an answer: verdicts, more, why, share."""

from typing import Any

import discord
import pytest
from simcord import Env, InteractionResult

from bot.answers.outcome import Answer, Conflict, Quote, Reply, citation
from bot.ask import messages
from bot.ask.ui.answer_message import answer_message
from bot.core.core import Core
from bot.review import service as review_service
from bot.review.messages import _OBSTACLES as OBSTACLES
from bot.review.messages import NOT_A_CORRECTOR
from bot.text import error_messages
from indexer.contradictions.detector import Contradiction, Statement
from indexer.contradictions.quantities import Subject
from indexer.retrieval.hit import Hit
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import Kind
from knowledge.values.guilds import Language
from knowledge.values.notes import Decision, Member, Obstacle
from knowledge.values.questions import Evidence, FeedbackReason, Verdict
from knowledge.values.submissions import Submission
from tests.bot import strictness
from tests.bot.message_parts import buttons, content, links, said, text_of
from tests.bot.spoken import english, said_in
from tests.bot.values import file_passage
from tests.bot.world import (
    EDITED,
    NEW_TEXT,
    OTHER_PASSAGES,
    TEXT,
    TITLE,
    UNKNOWN,
    NewBot,
    World,
    build_world,
    in_menu,
    looked_into,
)

LINK = "https://example.org/"


async def test_an_answer_has_buttons_and_its_evidences_colour(world: World) -> None:
    await world.add_note()
    strong = await world.ask()
    partial = await world.ask("Where is the meetup of Lisbon with the zeppelin?")
    refused = await world.ask(UNKNOWN)

    assert "Evidence: strong" in content(strong)
    assert "These come nearest" in content(partial)
    assert buttons(strong.response) == ["Helpful", "Not helpful"]
    colours = [_container(result.response)["accent_color"] for result in (strong, partial, refused)]
    assert len(set(colours)) == 3


def _container(message: Any) -> dict[str, Any]:
    [found] = [one for one in message.components if one["type"] == 17]
    return dict(found)


@pytest.mark.parametrize("private", [True, False])
def test_discord_takes_the_largest_answer(private: bool) -> None:
    text = "Uploads are limited to 25 MB per file. " * 6
    statement = Statement(text, 0, 40, ((23, 28),))
    passages = [
        file_passage(text, id=n, document_id=f"note:{n}", kind=Kind.NOTE, link=f"{LINK}{n}")
        for n in range(10)
    ]
    hits = tuple(Hit(one, 0.9, 0.8, 0.8, 0.5, ("meaning",)) for one in passages)
    quotes = tuple(Quote(text, citation(hit.passage), hit) for hit in hits[:5])
    found = Contradiction(Subject.AMOUNT, statement, statement, 0.9)
    conflicts = tuple(Conflict(0, right, found) for right in range(1, 5))
    answer = Answer(Evidence.STRONG, quotes, conflicts=conflicts)
    extra = [discord.ui.Button[Any](label=str(n), custom_id=str(n)) for n in range(2)]

    sent = said_in(
        Language.GERMAN,
        answer_message,
        Reply("How large? " * 40, answer, hits, question_id=7),
        private=private,
        hands_on=True,
        lead="<@1> " * 40,
        extra=extra,
    )

    components = sent["view"].to_components()
    assert list(strictness.layout(components, v2=True)) == []
    assert len([one for one in strictness.everything_in(components) if "url" in one]) == 5


async def test_quotations_are_separated_and_linked_to_their_sources(world: World) -> None:
    """Two notes that disagree are both quoted."""
    for title, size in (("Uploads", "25 MB"), ("Files", "10 MB")):
        await world.propose(title, f"Uploaded files may be at most {size} large.", "", LINK + title)
        await world.moderator.click(world.card, label="Approve")

    answered = await world.ask("How large may uploaded files be at most?")

    kinds = [one["type"] for one in _container(answered.response)["components"]]
    assert kinds == [10, 10, 10, 14, 10, 10]
    assert sorted(links(answered.response)) == [LINK + "Files", LINK + "Uploads"]
    assert buttons(answered.response) == ["Helpful", "Not helpful"]


def test_only_a_link_to_the_quotation_is_the_source() -> None:
    text = "As [the report](https://report.org/a) says."
    labels: dict[str, str] = {}
    for kind, link in ((Kind.ARTICLE, ""), (Kind.FILE, LINK)):
        passage = file_passage(text, kind=kind, link=link)
        hit = Hit(passage, 0.9, 0.8, 0.8, 0.5, ("meaning",))
        answer = Answer(Evidence.STRONG, (Quote(text, citation(passage), hit),))
        sent = english(answer_message, Reply("Why?", answer), private=True)
        everything = strictness.everything_in(sent["view"].to_components())
        labels |= {part["url"]: part["label"] for part in everything if "url" in part}

    assert labels == {
        "https://report.org/a": messages.REFERENCE.english,
        LINK: messages.SOURCE.english,
    }


async def test_the_last_verdict_of_a_member_is_recorded(world: World) -> None:
    result = await world.ask("What is open source AI?")
    assert result.response is not None
    assert buttons(result.response) == ["Helpful", "Not helpful"]

    for label, verdict in (("Helpful", Verdict.HELPFUL), ("Not helpful", Verdict.UNHELPFUL)):
        thanks = await world.second_member.click(result.response, label=label)
        assert thanks.ephemeral
        kept = await world.core(lambda core: core.store.feedback_records.of(1))
        assert [(given.member_id, given.verdict) for given in kept] == [
            (world.second_member.id, verdict)
        ]


async def test_why_has_words_for_members_and_figures_for_moderators(world: World) -> None:
    await world.add_note()
    answered = await world.ask()
    assert answered.response is not None

    members = await looked_into(world.second_member, answered.response, "Why this answer?")
    moderators = await looked_into(world.moderator, answered.response, "Why this answer?")

    question = await world.recorded(1)
    assert f"Evidence: {question.evidence.value}" in members
    [line] = [line for line in members.splitlines() if line.startswith("1.")]
    assert line.startswith(f"1. **{TITLE}** · matched by meaning and by these words: “")
    assert " · revision 1, approved by max" in line
    assert "score" not in members
    assert "generation" not in members
    assert f"{line} · score {question.hits[0].score:.2f}" in moderators
    assert "Index generation " in moderators


@pytest.mark.parametrize("how", ["retired", "withdrawn", "revised"])
async def test_an_old_answer_shows_nothing_of_a_note_that_is_not_live_any_more(
    world: World, how: str
) -> None:
    await world.add_note(text=f"{TEXT}\n\nBring a laptop and something to eat.")
    answered = await world.ask()
    assert answered.response is not None
    mia, max_ = Member(world.member.id, "mia"), Member(world.moderator.id, "max")
    revised = Submission("Porto meetup", "It is in Porto, at another time.")

    def change(core: Core) -> None:
        guild_id = world.guild.id
        if how == "retired":
            review_service.update_index(core, core.store.decisions.retire(guild_id, 1, max_))
        elif how == "withdrawn":
            review_service.update_index(
                core, core.store.contributions.withdraw(guild_id, 1, mia.id)
            )
        else:
            review_service.update_index(
                core, core.store.contributions.revise(guild_id, 1, mia, revised)
            )
            review_service.decide(core, guild_id, 2, max_, Ruling(Decision.APPROVE))

    await world.core(change)
    for label in (OTHER_PASSAGES, "Why this answer?"):
        shown = await looked_into(world.second_member, answered.response, label)
        assert messages.NO_LONGER_QUOTED.english in shown
        for secret in ("Rua Augusta on Fridays", "Bring a laptop", TITLE):
            assert secret not in shown


async def test_sharing_posts_the_private_answer_once(world: World) -> None:
    await world.add_note()
    private = await world.ask(private=True)
    assert private.response is not None

    await in_menu(world.member, private.response, "Share with everyone here")

    shared = world.general.history(viewer=world.second_member)[-1]
    assert text_of(shared) == text_of(private.response)
    assert "Share" not in buttons(shared)


async def test_a_refusal_offers_to_write_the_note(world: World) -> None:
    refused = await world.ask(UNKNOWN)
    assert refused.response is not None

    form = await world.second_member.click(refused.response, label="Write this note")

    assert form.modal is not None
    assert form.modal["title"] == "Propose a note"


async def test_another_servers_buttons_show_nothing(simcord_env: Env, world: World) -> None:
    other = build_world(simcord_env, "Another Server")
    await other.set_up()
    await world.add_note()
    await world.ask()
    theirs = await other.ask("What is open source AI?")
    assert theirs.response is not None

    shown = other.press(other.member, theirs.response.message, "answer:1:why")
    await simcord_env.settle()

    assert shown.response is not None
    assert text_of(shown.response) == messages.FEEDBACK_GONE.english


async def test_moderators_correct_a_quoted_note(world: World) -> None:
    await world.add_note()
    answered = (await world.ask()).response
    refused = await in_menu(world.second_member, answered, "correct:1")
    assert said(refused) == NOT_A_CORRECTOR.english

    form = await in_menu(world.moderator, answered, "correct:1")
    await world.moderator.submit_modal(form, {"title": TITLE, "text": NEW_TEXT})
    assert NEW_TEXT in content(await world.ask()).replace("**", "")
    assert any(NEW_TEXT.split()[5] in notice for notice in world.notices())

    # The form of the earlier text changes nothing any more.
    late = await in_menu(world.second_moderator, answered, "correct:1")
    await world.edit(TEXT)
    waits = await world.second_moderator.submit_modal(late, {"title": TITLE, "text": EDITED})
    assert english(OBSTACLES[Obstacle.PENDING], title=TITLE) in said(waits)


async def unhelpful(world: World) -> InteractionResult:
    answered = await world.ask("What is open source AI?")
    assert answered.response is not None
    return await world.second_member.click(answered.response, label="Not helpful")


async def verdicts(world: World) -> list[tuple[Verdict, str]]:
    kept = await world.core(lambda core: core.store.feedback_records.of(1))
    return [(mark.verdict, mark.reason or mark.chosen or "") for mark in kept]


async def test_not_helpful_counts_at_once_and_takes_a_reason(world: World) -> None:
    asked = await unhelpful(world)
    counted, asks_why = messages.FEEDBACK_UNHELPFUL, messages.ASKS_WHY
    assert content(asked) == f"{counted.english} {asks_why.english}"
    assert await verdicts(world) == [(Verdict.UNHELPFUL, "")]
    assert asked.response is not None

    form = await world.second_member.select(asked.response, [FeedbackReason.OTHER.value])
    assert await verdicts(world) == [(Verdict.UNHELPFUL, "")]
    await world.second_member.submit_modal(form, {"reason": "  It is in Porto. "})

    assert await verdicts(world) == [(Verdict.UNHELPFUL, "It is in Porto.")]


async def test_a_reason_is_taken_after_a_restart(world: World, new_bot: NewBot) -> None:
    asked = await unhelpful(world)
    assert asked.response is not None
    message = asked.response.message
    await world.start_again(new_bot)

    await world.second_member.select(message, [FeedbackReason.WRONG.value])

    assert await verdicts(world) == [(Verdict.UNHELPFUL, FeedbackReason.WRONG)]


async def test_an_answer_takes_no_feedback_from_another_server(world: World) -> None:
    other = await world.add_guild()
    theirs = await other.ask("What is open source AI?")
    assert theirs.response is not None
    message = theirs.response.message

    for action in ("helpful", "unhelpful"):
        forged = other.press(other.member, message, f"answer:1:{action}")
        await world.env.settle()
        assert content(forged) == messages.FEEDBACK_GONE.english
    chosen = other.press(other.member, message, "reason:1", values=["wrong"])
    await world.env.settle()
    typed = other.submit(other.member, "form:reason:1:ab", {"reason": "Typed."})
    await world.env.settle()

    assert chosen.acknowledged
    assert typed.acknowledged
    assert await verdicts(world) == []


async def test_an_unlisted_reason_gets_one_sentence(world: World) -> None:
    answered = await world.ask("What is open source AI?")
    assert answered.response is not None
    asked = await world.member.click(answered.response, label="Not helpful")
    assert asked.response is not None

    result = world.press(world.member, asked.response.message, "reason:1", values=["none of them"])
    await world.env.settle()

    assert result.response is not None
    assert text_of(result.response) == error_messages.UNKNOWN_BUTTON.english

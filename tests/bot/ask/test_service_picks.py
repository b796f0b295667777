"""Passages that members pick as the answer: shown, counted, confirmed, and found again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.answers import small_talk
from bot.answers.ask import Ask, scopes_of
from bot.answers.outcome import Answer, Refusal, Reply, offers, recorded_hit
from bot.ask import service
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.privacy import service as privacy_service
from bot.review import service as review_service
from bot.review.impact import ImpactPreview
from knowledge.store.database import now
from knowledge.store.notes.decisions import Ruling
from knowledge.store.questions.question_records import digest_of
from knowledge.values.notes import Decision, Member, Note
from knowledge.values.questions import Evidence, Feedback, Question, RecordedHit, Verdict
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

GUILD, ELSEWHERE = 10, 11
MIRA, ADA, NOAH = Member(1, "Mira"), Member(2, "Ada"), Member(3, "Noah")

QUESTION = "When does the kite club meet on the beach?"
NEARLY = "when does the kite club meet on the beach"
OTHER = "Who looks after the lanterns in the harbour?"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as opened:
        for title, text in (
            ("Kite club", "The kite club meets on the beach on Sundays."),
            ("Beach times", "The beach is open at ten; who meets there brings a kite."),
            ("Harbour", "Lanterns in the harbour are lit at dusk."),
        ):
            publish(opened, Submission(title, text))
        yield opened


def publish(core: Core, submission: Submission) -> None:
    approve(core, core.store.contributions.propose(GUILD, MIRA, 5, submission).note)


def approve(core: Core, note: Note) -> None:
    review_service.decide(core, GUILD, note.revision.id, ADA, Ruling(Decision.APPROVE))


def retire(core: Core) -> None:
    review_service.update_index(core, core.store.decisions.retire(GUILD, 2, ADA))


def ask(core: Core, text: str = QUESTION, guild_id: int | None = GUILD, **more: object) -> Reply:
    [reply] = core.answer_pipeline.ask([Ask(text, NOAH.id, guild_id, 5, **more)])  # type: ignore[arg-type]
    return reply


def first(reply: Reply) -> str:
    assert isinstance(reply.outcome, Answer)
    return reply.outcome.quotes[0].citation.title


def question_of(core: Core, reply: Reply) -> Question:
    found = core.store.question_records.question(reply.question_id or 0)
    assert found is not None
    return found


def digest(question: Question, title: str) -> str:
    [found] = [digest_of(hit) for hit in question.hits if hit.title == title]
    return found


def pick(
    core: Core, reply: Reply, title: str = "Beach times", *, by_moderator: bool | None = False
) -> service.Picked | None:
    question = question_of(core, reply)
    return service.pick(
        core,
        question,
        digest(question, title),
        NOAH.id,
        by_moderator=by_moderator,
        channels=(),
        public_channels=(),
    )


def test_the_askers_pick_answers_nearly_equal_questions(core: Core) -> None:
    asked = ask(core)
    assert first(asked) == "Kite club"

    picked = pick(core, asked)

    assert picked is not None
    assert picked.reply is not None
    assert picked.reply.question_id == asked.question_id
    for again in (picked.reply, ask(core), ask(core, NEARLY)):
        assert first(again) == "Beach times"
        assert isinstance(again.outcome, Answer)
        assert again.outcome.confirmed
        assert len(again.outcome.quotes) == 1
    assert "Beach times" not in {first(ask(core, "When does the kite club meet?"))}


def test_what_others_pick_counts_and_changes_no_answer(core: Core) -> None:
    asked = ask(core)

    picked = pick(core, asked, by_moderator=None)

    assert picked == service.Picked(confirmed=False)
    assert first(ask(core)) == "Kite club"
    [kept] = core.store.feedback_records.of(asked.question_id or 0)
    assert kept.document_id == "note:2"


def test_a_pick_answers_a_refused_question(core: Core) -> None:
    refused = ask(core, "Zanzibar timetable kite")
    assert isinstance(refused.outcome, Refusal)

    pick(core, refused, "Kite club")

    again = ask(core, "zanzibar timetable kite?")
    assert first(again) == "Kite club"
    assert again.evidence is Evidence.PARTIAL
    assert question_of(core, refused).evidence is Evidence.PARTIAL


def test_another_found_part_can_be_picked(core: Core) -> None:
    summer = "In summer the kite club meets on the beach at ten. "
    winter = "From October on the kite club meets in the old barn. "
    publish(core, Submission("Kite calendar", f"{summer * 30}\n\n{winter * 30}"))
    asked = ask(core, "when does the kite club meet in summer at ten")
    question = question_of(core, asked)
    # One passage a document is judged, and recorded.
    assert [summer in hit.passage for hit in parts_of(question)] == [True]

    other = next(hit for hit in offers(asked.hits) if winter in hit.passage.text)
    wanted = digest_of(recorded_hit(other))
    shown = service.offered_passage(core, question, wanted, ())
    assert shown is not None
    assert winter in shown.text
    picked = service.pick(
        core, question, wanted, NOAH.id, by_moderator=False, channels=(), public_channels=()
    )

    assert picked is not None
    assert picked.reply is not None
    assert isinstance(picked.reply.outcome, Answer)
    assert winter in picked.reply.outcome.quotes[0].text
    assert [winter in hit.passage for hit in parts_of(question_of(core, asked))] == [True, False]
    assert service.offered_passage(core, question, "0" * len(wanted), ()) is None
    # What is of no document that was found is not shown, whoever forges its digest.
    [stranger] = core.document("note:3", scopes_of(GUILD, ()))
    forged = digest_of(recorded_hit(replace(other, passage=stranger)))
    narrow = replace(question, hits=parts_of(question))
    assert service.offered_passage(core, narrow, forged, ()) is None


def parts_of(question: Question) -> list[RecordedHit]:
    return [hit for hit in question.hits if hit.title == "Kite calendar"]


def test_a_moderators_pick_stands_against_the_askers(core: Core) -> None:
    asked = ask(core)

    pick(core, asked, "Harbour", by_moderator=True)
    assert pick(core, asked) == service.Picked(confirmed=False)

    assert first(ask(core)) == "Harbour"
    pick(core, asked, "Kite club", by_moderator=True)
    assert first(ask(core)) == "Kite club"


def test_the_nearer_questions_pick_comes_first(core: Core) -> None:
    pick(core, ask(core), "Harbour", by_moderator=True)
    on_monday = f"{QUESTION} Or else on the beach when does the club meet?"
    pick(core, ask(core, on_monday), "Beach times")

    assert first(ask(core, on_monday)) == "Beach times"
    assert first(ask(core)) == "Harbour"


@pytest.mark.parametrize("how", ["retired", "revised"])
def test_a_removed_passage_answers_nothing(core: Core, how: str) -> None:
    pick(core, ask(core))
    assert first(ask(core)) == "Beach times"

    if how == "retired":
        retire(core)
    else:
        changed = Submission("Beach times", "The beach is closed, and no kite may be there.")
        revised = core.store.contributions.revise(GUILD, 2, MIRA, changed)
        assert revised is not None
        approve(core, revised.note)

    assert first(ask(core)) == "Kite club"


def test_a_removed_passage_cannot_be_picked(core: Core) -> None:
    asked = ask(core)
    retire(core)

    assert pick(core, asked) is None
    assert core.store.feedback_records.of(asked.question_id or 0) == []


def test_what_is_confirmed_in_one_guild_or_for_some_channels_is_for_no_others(core: Core) -> None:
    pick(core, ask(core))

    assert first(ask(core, channels=(77,))) == "Kite club"
    elsewhere = ask(core, guild_id=ELSEWHERE)
    assert not isinstance(elsewhere.outcome, Answer)
    private = ask(core, guild_id=None)
    assert not isinstance(private.outcome, Answer)


def test_a_confirmed_follow_up_answers_after_equal_questions(core: Core) -> None:
    pick(core, ask(core, "And when?", earlier=QUESTION))

    assert first(ask(core, "And when?", earlier=QUESTION)) == "Beach times"
    other = ask(core, "And when?", earlier=f"{OTHER}\n{QUESTION}").outcome
    assert not (isinstance(other, Answer) and other.confirmed)


def test_an_answer_taken_back_is_not_confirmed(core: Core) -> None:
    asked = ask(core)
    pick(core, asked, by_moderator=True)

    core.store.feedback_records.take_back(asked.question_id or 0, by_moderator=False)
    assert first(ask(core)) == "Beach times"
    core.store.feedback_records.take_back(asked.question_id or 0, by_moderator=True)

    assert first(ask(core)) == "Kite club"


def test_old_questions_take_what_confirms_their_answers_along(core: Core) -> None:
    pick(core, ask(core))

    assert list(privacy_service.prune_questions(core, now())) == [1]

    assert first(ask(core)) == "Kite club"


@pytest.mark.parametrize("judged", [False, True])
def test_who_is_forgotten_takes_what_they_confirmed_along(core: Core, judged: bool) -> None:
    asked = ask(core)
    pick(core, asked)
    if judged:
        theirs = Feedback(asked.question_id or 0, ADA.id, Verdict.UNHELPFUL)
        core.store.feedback_records.record(theirs)

    privacy_service.forget(core, NOAH.id, withdraw=False)

    assert first(ask(core)) == "Kite club"
    assert core.store.feedback_records.confirmed_version() == ""


def test_the_impact_preview_knows_confirmed_answers(core: Core) -> None:
    pick(core, ask(core))
    better = Submission("When does the kite club meet?", QUESTION)
    note = core.store.contributions.propose(GUILD, MIRA, 5, better).note

    *_, impact = core.part(ImpactPreview).of_revision(note)

    assert impact.changes == ()
    core.store.feedback_records.take_back(1, by_moderator=True)
    *_, impact = core.part(ImpactPreview).of_revision(note)
    assert [change.before.title for change in impact.changes] == ["Kite club"]


def test_confirmed_questions_are_embedded_ahead(core: Core) -> None:
    core.store.guilds.save_settings(GuildSettings(GUILD), ADA.id)
    pick(core, ask(core))
    core.question_vectors.clear()

    for _ in core.warm_up():
        pass

    [known] = core.store.feedback_records.confirmed(GUILD)
    assert list(core.question_vectors.prepare([known.text])) == []


def test_a_confirmed_shorthand_question_is_found_as_typed(core: Core) -> None:
    """Both are embedded as they are spelt out: else one would not be near to itself."""
    typed = "pls whens the kite club meeting w/o u n ur mates tmrw"
    reply = ask(core, typed)

    pick(core, reply)

    again = ask(core, typed).outcome
    assert isinstance(again, Answer)
    assert again.confirmed


def test_a_revision_with_the_confirmed_passage_changes_nothing(core: Core) -> None:
    asked = ask(core)
    pick(core, asked, "Beach times")
    [kept] = [hit for hit in asked.hits if hit.passage.title == "Beach times"]
    assert first(ask(core)) == "Beach times"
    note = core.store.notes.find(2, GUILD)
    assert note is not None
    more = Submission("Beach times", f"{kept.passage.text}\n\n# Dogs\n\nDogs are welcome.")
    revised = core.store.contributions.revise(GUILD, note.id, MIRA, more)
    assert revised is not None

    *_, impact = core.part(ImpactPreview).of_revision(revised.note)

    assert impact.changes == ()


def test_who_is_forgotten_leaves_no_question_in_memory(core: Core) -> None:
    small_talk.forget()
    pick(core, ask(core))
    ask(core, NEARLY)
    note = core.store.notes.find(1, GUILD)
    assert note is not None
    preview = core.part(ImpactPreview)
    list(preview.of_revision(note))

    privacy_service.forget(core, NOAH.id, withdraw=False)

    assert core.part(ImpactPreview) is not preview
    assert len(core.question_vectors) == 0
    assert small_talk._judge.cache_info().currsize == 0

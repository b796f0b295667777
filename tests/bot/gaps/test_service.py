"""Gaps in step with the index: what is asked again, in slices, and what counts as answered."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations

import pytest

from bot.answers.lookup import Ask
from bot.config.settings import Settings
from bot.core.core import Core
from bot.gaps import service as gaps_service
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member, NoticeEvent
from knowledge.values.questions import Feedback, Verdict
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

GUILD, ASKER, WRITER, MODERATOR = 10, 3, Member(1, "Mira"), Member(2, "Ada")
WORDS = [
    "zanzibar",
    "ferry",
    "timetable",
    "quokka",
    "habitat",
    "lava",
    "origami",
    "crane",
    "yeti",
    "nine",
    "four",
    "leaves",
]
TITLE = "Zanzibar ferry timetable"
TEXT = "The Zanzibar ferry timetable: it leaves at nine and at four."


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    with Core(settings, WordEmbedder()) as opened:
        yield opened


def publish(
    core: Core, title: str = TITLE, text: str = TEXT, question_id: int | None = None
) -> int:
    note = core.store.contributions.propose(GUILD, WRITER, 5, Submission(title, text)).note
    if question_id is not None:
        core.store.gaps.written_for(GUILD, note.id, question_id)
    core.store.decisions.decide(GUILD, note.revision.id, MODERATOR, Ruling(Decision.APPROVE))
    core.follow_note(note.id)
    return note.id


def ask(core: Core, *texts: str, by: int = ASKER) -> None:
    core.answer_pipeline.ask([Ask(text, by, GUILD, 5) for text in texts])


def to_end(steps: Iterator[int]) -> int:
    return sum(1 for _ in steps)


def told(core: Core) -> list[int | None]:
    notices = core.store.notices.unsent()
    return [one.question_id for one in notices if one.event is NoticeEvent.ANSWERED]


def open_texts(core: Core) -> list[str]:
    return [one.text for one in core.store.gaps.open(GUILD)]


def test_no_question_that_would_be_answered_is_passed_over_as_too_far(core: Core) -> None:
    asked = [" ".join(words) for n in (1, 2, 3) for words in combinations(WORDS, n)]
    ask(core, *asked[::2])
    left = core.store.gaps.open(GUILD)
    note_id = publish(core)
    replies = core.answer_pipeline.ask(
        [Ask(one.text, one.asker_id, GUILD) for one in left], record=False
    )
    wanted = {
        one.id
        for one, reply in zip(left, replies, strict=True)
        if gaps_service.answers(note_id, reply, wanted=False)
    }
    assert wanted

    to_end(gaps_service.check_publications(core))

    assert wanted == {one.id for one in left} - {one.id for one in core.store.gaps.open(GUILD)}


def test_a_note_that_was_written_for_a_question_needs_less_to_answer_it(core: Core) -> None:
    vague = "when does the boat to Zanzibar go on Sundays"
    ask(core, vague)
    publish(core)
    to_end(gaps_service.check_publications(core))
    assert open_texts(core) == [vague]

    publish(core, "Another Zanzibar boat", "The boat to Zanzibar goes at six.", question_id=1)
    to_end(gaps_service.check_publications(core))

    assert open_texts(core) == []
    assert told(core) == [1]


def test_a_publication_that_the_index_lacks_is_checked_once_it_has_it(core: Core) -> None:
    ask(core, TITLE)
    note = core.store.contributions.propose(GUILD, WRITER, 5, Submission(TITLE, TEXT)).note
    core.store.decisions.decide(GUILD, note.revision.id, MODERATOR, Ruling(Decision.APPROVE))
    to_end(gaps_service.check_publications(core))
    assert told(core) == []

    core.follow_note(note.id)
    to_end(gaps_service.check_publications(core))

    assert told(core) == [1]


def test_the_very_passage_that_was_unhelpful_does_not_settle_its_question(core: Core) -> None:
    publish(core)
    to_end(gaps_service.check_publications(core))
    ask(core, TITLE)
    core.store.feedback_records.record(Feedback(1, ASKER, Verdict.UNHELPFUL))

    core.store.decisions.keep(GUILD, 1, MODERATOR)
    core.follow_note(1)
    to_end(gaps_service.check_publications(core))
    to_end(gaps_service.refreshed(core, GUILD))

    assert open_texts(core) == [TITLE]
    assert told(core) == []


def test_an_asker_who_was_content_is_not_told_of_another_answer(core: Core) -> None:
    publish(core, "Zanzibar ferry", "The Zanzibar ferry is red; its pier is the old one.")
    to_end(gaps_service.check_publications(core))
    ask(core, TITLE)
    core.store.feedback_records.record(Feedback(1, ASKER, Verdict.HELPFUL))
    core.store.feedback_records.record(Feedback(1, 9, Verdict.UNHELPFUL))

    publish(core)
    to_end(gaps_service.check_publications(core))

    assert open_texts(core) == []
    assert told(core) == []


def test_what_a_file_or_article_answers_strongly_is_settled_when_gaps_are_looked_at(
    core: Core,
) -> None:
    ask(core, TITLE, "quokka")
    publish(core)

    to_end(gaps_service.refreshed(core, GUILD))
    embedded = len(core.embedder.calls)  # type: ignore[attr-defined]
    to_end(gaps_service.refreshed(core, GUILD))

    assert open_texts(core)[0] == "quokka"
    # Nothing has changed since, so nothing was asked again.
    assert len(core.embedder.calls) == embedded  # type: ignore[attr-defined]


def test_many_gaps_are_asked_again_in_slices(core: Core) -> None:
    ask(core, *(f"zanzibar ferry number{i}" for i in range(60)))
    publish(core)

    assert to_end(gaps_service.check_publications(core)) >= 60 / gaps_service.SLICE


def test_a_group_that_a_helper_has_answered_is_listed_last(core: Core) -> None:
    ask(core, "Where is the quokka habitat?", by=ASKER)
    ask(core, "Where is the quokka habitat?", by=4)
    ask(core, "How is an origami crane folded?", by=ASKER)
    first, second = gaps_service.groups(core, GUILD)
    assert (first.askers, second.askers) == (2, 1)
    now = datetime.now(UTC)
    core.store.handovers.hand_on(GUILD, [one.id for one in first.questions], ASKER, now)
    helper = (MODERATOR.id, MODERATOR.name, "On Rottnest.")
    for one in first.questions:
        core.store.handovers.answer(GUILD, one.id, helper, [], now)

    assert [group.askers for group in gaps_service.groups(core, GUILD)] == [1, 2]

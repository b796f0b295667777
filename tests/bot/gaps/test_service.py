"""Gaps and hand-overs in the worker's thread: later answers, groups, and whole answers once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations

import pytest

from bot.answers.ask import Ask
from bot.config.settings import Settings
from bot.core.core import Core
from bot.gaps import handover_service, messages
from bot.gaps import service as gaps_service
from indexer.retrieval import clusters
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member, NoticeEvent
from knowledge.values.questions import Feedback, Handover, NotHandedOn, Verdict
from knowledge.values.submissions import Submission
from tests.bot.spoken import english
from tests.bot.world import UNKNOWN
from tests.counting import lines_run
from tests.fakes import WordEmbedder
from tests.refused import refused_questions

GUILD, ASKER, WRITER, MODERATOR = 10, 3, Member(1, "Mira"), Member(2, "Ada")
WORDS = ["zanzibar", "ferry", "timetable", "quokka", "habitat", "lava", "nine", "four", "leaves"]
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
        core.store.gaps.link_note(GUILD, note.id, question_id)
    core.store.decisions.decide(GUILD, note.revision.id, MODERATOR, Ruling(Decision.APPROVE))
    core.index_note(note.id)
    return note.id


def ask(core: Core, *texts: str, by: int = ASKER) -> None:
    core.answer_pipeline.ask([Ask(text, by, GUILD, 5) for text in texts])


def to_end(steps: Iterator[int]) -> int:
    return sum(1 for _ in steps)


def told(core: Core) -> list[int | None]:
    notices = core.store.notices.queue()
    return [one.question_id for one in notices if one.event is NoticeEvent.ANSWERED]


def open_texts(core: Core) -> list[str]:
    return [one.text for one in core.store.gaps.open(GUILD)]


def test_no_answered_question_counts_as_distant(core: Core) -> None:
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
        if gaps_service.quotes_note(note_id, reply, wanted=False)
    }
    assert wanted

    to_end(gaps_service.check_publications(core))

    assert wanted == {one.id for one in left} - {one.id for one in core.store.gaps.open(GUILD)}


def test_a_questions_own_note_needs_less_evidence(core: Core) -> None:
    vague = "when does the boat to Zanzibar go on Sundays"
    ask(core, vague)
    publish(core)
    to_end(gaps_service.check_publications(core))
    assert open_texts(core) == [vague]

    publish(core, "Another Zanzibar boat", "The boat to Zanzibar goes at six.", question_id=1)
    to_end(gaps_service.check_publications(core))

    assert open_texts(core) == []
    assert told(core) == [1]


def test_a_publication_is_checked_once_indexed(core: Core) -> None:
    ask(core, TITLE)
    note = core.store.contributions.propose(GUILD, WRITER, 5, Submission(TITLE, TEXT)).note
    core.store.decisions.decide(GUILD, note.revision.id, MODERATOR, Ruling(Decision.APPROVE))
    to_end(gaps_service.check_publications(core))
    assert told(core) == []

    core.index_note(note.id)
    to_end(gaps_service.check_publications(core))

    assert told(core) == [1]


def test_an_unhelpful_passage_settles_nothing(core: Core) -> None:
    publish(core)
    to_end(gaps_service.check_publications(core))
    ask(core, TITLE)
    core.store.feedback_records.record(Feedback(1, ASKER, Verdict.UNHELPFUL))

    core.store.decisions.keep(GUILD, 1, MODERATOR)
    core.index_note(1)
    to_end(gaps_service.check_publications(core))
    to_end(gaps_service.recheck_gaps(core, GUILD))

    assert open_texts(core) == [TITLE]
    assert told(core) == []


def test_content_askers_get_no_notice(core: Core) -> None:
    publish(core, "Zanzibar ferry", "The Zanzibar ferry is red; its pier is the old one.")
    to_end(gaps_service.check_publications(core))
    ask(core, TITLE)
    core.store.feedback_records.record(Feedback(1, ASKER, Verdict.HELPFUL))
    core.store.feedback_records.record(Feedback(1, 9, Verdict.UNHELPFUL))

    publish(core)
    to_end(gaps_service.check_publications(core))

    assert open_texts(core) == []
    assert told(core) == []


def test_listing_settles_gaps_with_strong_evidence(core: Core) -> None:
    ask(core, TITLE, "quokka")
    publish(core)

    to_end(gaps_service.recheck_gaps(core, GUILD))
    embedded = len(core.embedder.calls)  # type: ignore[attr-defined]
    to_end(gaps_service.recheck_gaps(core, GUILD))

    assert open_texts(core)[0] == "quokka"
    # Nothing has changed since, so nothing was asked again.
    assert len(core.embedder.calls) == embedded  # type: ignore[attr-defined]


def test_many_gaps_are_asked_again_in_slices(core: Core) -> None:
    ask(core, *(f"zanzibar ferry number{i}" for i in range(40)))
    publish(core)

    assert to_end(gaps_service.check_publications(core)) >= 40 / gaps_service.SLICE


def test_a_partial_answer_is_a_gap_until_helpful(core: Core) -> None:
    publish(core)
    ask(core, TITLE)
    assert gaps_service.groups(core, GUILD) == []
    core.store.database.run("update questions set evidence = 'partial'")

    [group] = gaps_service.groups(core, GUILD)
    assert "1 answered in part" in english(messages.group_details, group)

    core.store.feedback_records.record(Feedback(1, ASKER, Verdict.HELPFUL))
    assert gaps_service.groups(core, GUILD) == []


def test_many_gaps_are_grouped_fast(core: Core) -> None:
    ask(core, UNKNOWN)
    number = 600
    question = refused_questions(core.store, GUILD)[0]
    core.store.question_records.record(
        [replace(question, text=f"Where is item{i} of shelf{i % 40}?") for i in range(number)]
    )
    texts = [one.text for one in core.store.gaps.open(GUILD)]
    for _ in core.question_vectors.prepare(texts):
        pass
    assert isinstance(core.embedder, WordEmbedder)
    embedded = len(core.embedder.calls)

    lines = lines_run(lambda: gaps_service.groups(core, GUILD), gaps_service, clusters)

    assert len(core.embedder.calls) == embedded
    assert lines < 50 * number


# Hand-overs.


def hand_over(core: Core, question_id: int = 1, by: int = ASKER) -> Handover:
    now = datetime.now(UTC)
    assert handover_service.hand_over(core, GUILD, question_id, by, now) == question_id
    found = core.store.handovers.find(GUILD, question_id)
    assert found is not None
    return found


def test_a_helped_group_is_listed_last(core: Core) -> None:
    ask(core, "Where is the quokka habitat?", by=ASKER)
    ask(core, "Where is the quokka habitat?", by=4)
    ask(core, "How is an origami crane folded?", by=ASKER)
    first, second = gaps_service.groups(core, GUILD)
    assert (first.askers, second.askers) == (2, 1)
    handover = hand_over(core, 2)

    handover_service.answer(core, handover, MODERATOR, "On Rottnest.", datetime.now(UTC), 5)

    assert [group.askers for group in gaps_service.groups(core, GUILD)] == [1, 2]


def test_a_dismissed_question_is_not_handed_over(core: Core) -> None:
    ask(core, UNKNOWN)
    gaps_service.dismiss(core, GUILD, [1], MODERATOR.id)
    found = handover_service.hand_over(core, GUILD, 1, ASKER, datetime.now(UTC))
    assert found is NotHandedOn.NO_GAP


def test_a_repeated_form_notifies_once(core: Core) -> None:
    ask(core, UNKNOWN, UNKNOWN)
    ask(core, UNKNOWN.upper(), f"{UNKNOWN}?", by=4)
    ask(core, "Another question", by=5)
    handover = hand_over(core)
    core.store.gaps.set_opt_out(4, quiet=True)

    for _ in range(2):
        done = handover_service.answer(core, handover, MODERATOR, "At nine.", datetime.now(UTC), 5)
        assert done is not None
        outcome, notified = done
        assert (outcome.done, outcome.handover.answer, notified) == (True, "At nine.", 1)
    notices = core.store.notices.queue()
    assert [one.member_id for one in notices if one.handed_on_id] == [ASKER]

"""Impact preview: it equals the impact of publishing, and writes nothing."""

import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply
from bot.answers.search_tiers import ArticlesSetting
from bot.config.settings import ArticleSettings, DataSettings, Settings
from bot.core.core import Core
from bot.core.worker import Worker
from bot.process.client import answer_together
from bot.review import cards, impact
from bot.review import service as review_service
from bot.review.cards import impact_sentence
from bot.review.impact import (
    SLICE,
    AnswerSummary,
    ChangedQuestion,
    Effect,
    Impact,
    ImpactPreview,
)
from indexer.ingest.pipeline import index_document
from knowledge.store.notes.decisions import Ruling
from knowledge.store.questions.question_records import digest_of
from knowledge.values.documents import Document, Kind, Scope, channel_scope
from knowledge.values.guilds import Rule
from knowledge.values.notes import Decision, Member, Note
from knowledge.values.questions import Evidence, Feedback, Verdict
from knowledge.values.settings import AnsweredFrom
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

GUILD, OTHER = 10, 11
MEMBER, MODERATOR = Member(1, "Mia"), Member(2, "Max")
JUDGED = Path(__file__).parents[2] / "judged"
GAINED = (Effect.MORE_SURE, Effect.MORE_UNSURE)
LOST = (Effect.FEWER_SURE, Effect.FEWER_UNSURE)
UNKNOWN = "When does the Zanzibar ferry timetable change?"
FERRY = Submission("Zanzibar ferry timetable", "The Zanzibar ferry timetable changes in March.")
# More than one slice.
QUESTIONS = [
    UNKNOWN,
    *(json.loads(line)["text"] for line in (JUDGED / "queries.jsonl").read_text().splitlines()),
][: SLICE + 4]


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A core without articles."""
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as opened:
        yield opened


@pytest.fixture
def core_with_articles(tmp_path: Path, indexed_articles: Path) -> Iterator[Core]:
    folder = Path(shutil.copytree(indexed_articles, tmp_path / "data"))
    always = ArticleSettings(bundled="always")
    settings = Settings(data=DataSettings(folder=folder), articles=always)
    with Core(settings, WordEmbedder()) as opened:
        yield opened


def _ask(core: Core, guild_id: int = GUILD, *, record: bool = True) -> list[Reply]:
    asks = [Ask(text, 1, guild_id) for text in QUESTIONS]
    return core.answer_pipeline.ask(asks, record=record)


def _propose(core: Core, submission: Submission) -> Note:
    return review_service.update_index(
        core, core.store.contributions.propose(GUILD, MEMBER, 5, submission)
    ).note


def _approve(core: Core, revision_id: int) -> None:
    outcome = review_service.decide(core, GUILD, revision_id, MODERATOR, Ruling(Decision.APPROVE))
    assert outcome is not None
    assert outcome.done


def _document(submission: Submission) -> Document:
    """A submission as a note's document."""
    return Document("note:", Scope(GUILD), Kind.NOTE, submission.title, submission.text)


def _whole(steps: Iterator[Impact]) -> Impact:
    *_, last = steps
    return last


def _summary(reply: Reply) -> AnswerSummary:
    if not reply.hits or reply.evidence is Evidence.NONE:
        return AnswerSummary(reply.evidence)
    first = reply.hits[0].passage
    return AnswerSummary(reply.evidence, first.document_id, first.title, first.text)


def _real(core: Core, revision_id: int) -> dict[str, tuple[AnswerSummary, AnswerSummary]]:
    """The real changes after an approval, by question."""
    before = [_summary(reply) for reply in _ask(core, record=False)]
    _approve(core, revision_id)
    after = [_summary(reply) for reply in _ask(core, record=False)]
    return {
        text: (old, new)
        for text, old, new in zip(QUESTIONS, before, after, strict=True)
        if old != new and not (old.is_refused and new.is_refused)
    }


def _count(impact: Impact, *effects: Effect) -> int:
    return sum(impact.count(effect) for effect in effects)


def _previewed(impact: Impact) -> dict[str, tuple[AnswerSummary, AnswerSummary]]:
    return {change.question: (change.before, change.after) for change in impact.changes}


NEW_NOTES = [
    FERRY,
    Submission(
        "Open-source AI", "Open-source AI is AI whose code, weights and data are open to all. " * 3
    ),
    Submission(
        "Everything about models",
        "\n\n".join(f"# Part {i}\n\n{text} It depends." for i, text in enumerate(QUESTIONS[1:])),
    ),
    Submission("Lunch", "Lunch is at noon."),
]


@pytest.mark.parametrize("bundled", ["always", "auto"])
def test_a_preview_equals_the_impact(core_with_articles: Core, bundled: ArticlesSetting) -> None:
    core = core_with_articles
    core.articles.chosen = bundled
    _ask(core)
    for submission in NEW_NOTES:
        note = _propose(core, submission)
        impact = _whole(core.part(ImpactPreview).of_revision(note))
        assert impact.questions == impact.total == len(QUESTIONS)
        assert _previewed(impact) == _real(core, note.revision.id)

    # The live text of a revised note is left out.
    revised = Submission("Kite club", "The kite club meets on the beach on Sundays.")
    outcome = core.store.contributions.revise(GUILD, 1, MEMBER, revised)
    review_service.update_index(core, outcome)
    [pending] = core.store.notes.pending(GUILD)
    impact = _whole(core.part(ImpactPreview).of_revision(pending))
    assert _count(impact, *LOST) >= 1
    assert _previewed(impact) == _real(core, pending.revision.id)


def test_a_new_answer_counts_per_asking(core: Core) -> None:
    _ask(core)
    core.answer_pipeline.ask([Ask(UNKNOWN, 2, GUILD), Ask(UNKNOWN, 3, GUILD)])
    impact = _whole(core.part(ImpactPreview).of_document(_document(FERRY)))
    assert _count(impact, *GAINED) == 3
    change = next(change for change in impact.changes if change.question == UNKNOWN)
    assert change.before.is_refused
    assert (change.after.document_id, change.after.title) == ("note:", FERRY.title)
    assert change.after.passage == FERRY.text


def test_another_first_passage_is_counted(core: Core) -> None:
    _approve(core, _propose(core, FERRY).revision.id)
    core.answer_pipeline.ask([Ask(UNKNOWN, 1, GUILD)])
    closer = Submission(UNKNOWN, UNKNOWN)
    impact = _whole(core.part(ImpactPreview).of_document(_document(closer)))
    assert (_count(impact, Effect.OTHER_QUOTE), _count(impact, *LOST)) == (1, 0)


def test_a_follow_up_is_replayed_after_its_question(core: Core) -> None:
    """The section beside the earlier answer's answers it."""
    core.answer_pipeline.ask([Ask("And in March?", 1, GUILD, earlier=UNKNOWN)])
    both = f"# Changes\n\n{FERRY.text}\n\n# Sailings\n\nIn March the Zanzibar ferry sails at nine."
    impact = _whole(core.part(ImpactPreview).of_document(_document(replace(FERRY, text=both))))
    assert [change.question for change in impact.changes] == ["And in March?"]


def test_a_new_topic_ignores_the_earlier_note(core: Core) -> None:
    new = "zanzibar mayor elections candidates parties"
    core.answer_pipeline.ask([Ask(new, 1, GUILD, earlier=UNKNOWN)])
    impact = _whole(core.part(ImpactPreview).of_document(_document(FERRY)))
    assert (impact.total, impact.changes) == (1, ())


def test_a_guilds_newest_questions_are_replayed(core: Core) -> None:
    _ask(core, OTHER)
    assert _whole(core.part(ImpactPreview).of_document(_document(FERRY))) == Impact(0, 0)
    core.answer_pipeline.ask([Ask(UNKNOWN, 1, GUILD)])
    core.answer_pipeline.ask([Ask("What is for lunch?", 1, GUILD)])
    assert _whole(core.part(ImpactPreview).of_document(_document(FERRY), questions=1)) == Impact(
        1, 1
    )


def test_questions_are_replayed_with_readers_channels(core: Core) -> None:
    said = Document("channel:7:1", channel_scope(7), Kind.CHAT, "Secret", FERRY.text)
    index_document(core.index, core.embedder, said)
    core.answer_pipeline.ask([Ask(UNKNOWN, 1, GUILD), Ask(UNKNOWN, 1, GUILD, channels=(7,))])

    impact = _whole(core.part(ImpactPreview).of_document(_document(replace(FERRY, title=UNKNOWN))))

    assert (impact.total, len(impact.changes)) == (2, 2)
    [before] = [one.before for one in impact.changes if not one.before.is_refused]
    # Not every viewer of the preview can read the channel.
    assert (before.document_id, before.title, before.passage) == (said.id, "", "0")


@pytest.mark.parametrize(("tags", "answered"), [(("boats",), 2), (("other",), 1)])
def test_questions_replay_with_tags(core: Core, tags: tuple[str, ...], answered: int) -> None:
    boats = AnsweredFrom(("boats",))
    core.answer_pipeline.ask([Ask(UNKNOWN, 1, GUILD), Ask(UNKNOWN, 1, GUILD, answered_from=boats)])

    impact = _whole(core.part(ImpactPreview).of_document(replace(_document(FERRY), tags=tags)))

    assert (impact.total, _count(impact, *GAINED)) == (2, answered)


def test_a_preview_replays_slices_and_writes_nothing(core: Core) -> None:
    _ask(core)
    records = core.store.question_records
    generation, asked = core.index.generation, records.recent_public(GUILD, 1_000)

    steps = list(core.part(ImpactPreview).of_document(_document(FERRY)))

    done = [impact.questions for impact in steps]
    assert done[0] == 0
    assert done[-1] == len(QUESTIONS)
    assert all(after - before <= SLICE for before, after in itertools.pairwise(done))
    assert core.index.generation == generation
    assert records.recent_public(GUILD, 1_000) == asked


def test_the_index_may_change_between_two_slices(core: Core) -> None:
    core.answer_pipeline.ask([Ask(UNKNOWN, 1, GUILD)])
    steps = core.part(ImpactPreview).of_document(_document(FERRY))
    next(steps)
    note = _propose(core, Submission("Lunch", "Lunch is at noon."))
    _approve(core, note.revision.id)
    assert _count(_whole(steps), *GAINED) == 1


async def test_a_members_question_precedes_the_next_slice(settings: Settings) -> None:
    def opened() -> Core:
        return Core(settings, WordEmbedder())

    worker: Worker[Core] = Worker(opened, Core.close)
    await worker.call_batched(answer_together, Ask(UNKNOWN, 1, GUILD))
    impact = await worker.run_slices(
        lambda core: core.part(ImpactPreview).of_document(_document(FERRY))
    )
    assert isinstance(impact, Impact)
    assert _count(impact, *GAINED) == 1
    await worker.stop()


def test_an_overdue_note_ranks_lower_in_previews(core: Core) -> None:
    core.store.guilds.save_rule(GUILD, Rule("", review_after_days=30), MODERATOR.id)
    for text in ("The lantern festival begins at nine.", "The lantern festival begins at ten."):
        _approve(core, _propose(core, Submission("Lantern festival", text)).revision.id)
    question = Ask("When does the lantern festival begin?", 1, GUILD)
    first = core.answer_pipeline.ask([question])[0].hits[0].passage.document_id
    due = f"note:{first.removeprefix('note:')}"
    core.answer_pipeline.due = frozenset({due})
    now = core.answer_pipeline.ask([question], record=False)[0].hits[0].passage.document_id
    assert now != due

    pending = core.store.notes.pending(GUILD)
    assert pending == []
    found = _whole(
        core.part(ImpactPreview).of_document(_document(Submission("Lunch", "Lunch is at noon.")))
    )
    closer = _whole(
        core.part(ImpactPreview).of_document(
            _document(
                Submission("Lantern festival", "When does the lantern festival begin? At nine.")
            )
        )
    )

    # The due note came second before, and still does.
    assert found.changes == ()
    assert [change.before.document_id for change in closer.changes] == [now]


def test_questions_embed_once_in_caches(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(core.embedder, WordEmbedder)
    core.answer_pipeline.ask([Ask(UNKNOWN, 1, GUILD), Ask("What is for lunch?", 1, GUILD)])
    preview = core.part(ImpactPreview)
    _whole(preview.of_document(_document(FERRY)))
    core.embedder.calls.clear()
    _whole(preview.of_document(_document(FERRY)))
    assert UNKNOWN not in core.embedder.texts

    monkeypatch.setattr(impact, "CACHED", 1)
    preview = ImpactPreview(core)
    _whole(preview.of_document(_document(FERRY)))
    assert len(preview._vectors) == 1
    assert len(preview._now) == 1


def test_summaries_of_an_earlier_index_are_not_kept(core: Core) -> None:
    core.answer_pipeline.ask([Ask(UNKNOWN, 1, GUILD), Ask("What is for lunch?", 1, GUILD)])
    preview = core.part(ImpactPreview)
    _whole(preview.of_document(_document(FERRY)))
    first = [*preview._now]
    note = _propose(core, Submission("Pier", "Kayaks at the pier."))
    _approve(core, note.revision.id)
    _whole(preview.of_document(_document(FERRY)))
    assert len(preview._now) == len(first) == 2


class RareWordEmbedder(WordEmbedder):
    """An embedder without words that have a double k, like a tokenizer without a misspelling."""

    def count_tokens(self, text: str) -> int:
        return super().count_tokens(text) + ("kk" in text)


def test_a_draft_previews_unchanged_confirmed_answers(tmp_path: Path) -> None:
    """A draft's words would mend a slip in a confirmed question, so they don't count."""
    settings = Settings(data=DataSettings(folder=tmp_path))
    asked = Ask("Kayaks at the rakkets?", 1, GUILD)
    with Core(settings, RareWordEmbedder()) as core:
        pier = _propose(core, Submission("Pier", "Kayaks at the pier."))
        _approve(core, pier.revision.id)
        [reply] = core.answer_pipeline.ask([asked])
        question = core.store.question_records.question(reply.question_id or 0)
        assert question is not None
        hit = next(one for one in question.hits if one.document_id == f"note:{pier.id}")
        said = Feedback(question.id, 2, Verdict.HELPFUL, document_id=hit.document_id)
        assert core.store.feedback_records.record_pick(said, digest_of(hit), by_moderator=True)

        draft = _propose(core, Submission("Doors", "Rackets are in the boat house."))
        _whole(core.part(ImpactPreview).of_revision(draft))
        [again] = core.answer_pipeline.ask([asked], record=False)
        assert isinstance(again.outcome, Answer)
        assert again.outcome.confirmed


NO_ANSWER = AnswerSummary(Evidence.NONE)
UNSURE = AnswerSummary(Evidence.PARTIAL, "note:1", "Ferry", "It leaves at nine.")
SURE = replace(UNSURE, evidence=Evidence.STRONG)
OTHERS = [replace(answer, document_id="note:2") for answer in (UNSURE, SURE)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (NO_ANSWER, SURE, "2 more sure answers"),
        (UNSURE, SURE, "2 more sure answers"),
        (SURE, UNSURE, "2 fewer sure answers"),
        (SURE, NO_ANSWER, "2 fewer sure answers"),
        (NO_ANSWER, UNSURE, "2 more unsure answers"),
        (UNSURE, NO_ANSWER, "2 fewer unsure answers"),
        (UNSURE, OTHERS[0], "2 answers with a different first quote"),
        (SURE, OTHERS[1], "2 answers with a different first quote"),
    ],
)
def test_only_strong_evidence_counts_as_a_sure_answer(
    before: AnswerSummary, after: AnswerSummary, told: str
) -> None:
    impact = Impact(3, 3, (ChangedQuestion("ferry?", 2, before, after),))
    assert impact_sentence(impact) == f"{told} for the last 3 questions."


def test_lost_article_answers_are_explained() -> None:
    before = AnswerSummary(Evidence.PARTIAL, "article:licences", "Licences", "Some are open.")
    impact = Impact(3, 3, (ChangedQuestion("licence?", 1, before, AnswerSummary(Evidence.NONE)),))
    told = "1 fewer unsure answer for the last 3 questions."
    assert impact_sentence(impact) == f"{told} {cards._LESS_OF_ARTICLES.english}"
    from_a_note = replace(impact.changes[0], before=replace(before, document_id="note:1"))
    assert impact_sentence(replace(impact, changes=(from_a_note,))) == told

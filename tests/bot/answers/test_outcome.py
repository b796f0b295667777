"""What is answered, by plain values: which passages are quoted, who is cited."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.outcome import (
    CLOSE_ENOUGH,
    FURTHER_SHARE,
    MOST_OTHERS,
    Answer,
    Quote,
    Refusal,
    Reply,
    State,
    citation,
    close_hits,
    near_best,
    offers,
    with_penalties,
)
from indexer.retrieval.hit import Hit
from knowledge.values.documents import Kind
from knowledge.values.questions import Evidence, RecordedHit
from tests.bot.values import file_passage


def _hit(score: float, text: str = "The club has 40 hours.") -> Hit:
    return Hit(file_passage(text), score, score, score, 0.5, ("meaning",))


def test_a_refusal_offers_few_near_hits() -> None:
    near, far = _hit(CLOSE_ENOUGH), _hit(CLOSE_ENOUGH - 0.01)
    assert close_hits([replace(near, also=(near,)), far, near]) == [near, near]
    assert len(close_hits([near] * 10)) == MOST_OTHERS


def test_five_best_near_passages_are_offered() -> None:
    first, far = _hit(0.3, "First."), _hit(CLOSE_ENOUGH - 0.01, "Far.")
    hits = [_hit(place / 10, f"Number {place}.") for place in range(3, 10)]
    with_sections = replace(first, also=(*hits[::2], far))
    found = offers([with_sections, *hits[1::2]])
    assert found == [with_sections, *reversed(hits[-MOST_OTHERS:])]


@given(
    scores=st.lists(st.floats(-0.5, 1), min_size=1, max_size=10),
    quotes=st.integers(1, 5),
)
def test_only_nearly_equal_passages_are_quoted(scores: list[float], quotes: int) -> None:
    hits = [_hit(score, f"Number {n}.") for n, score in enumerate(sorted(scores, reverse=True))]
    found = near_best(hits, quotes)
    assert 1 <= len(found) <= quotes
    assert found == hits[: len(found)]
    assert all(hit.score >= min(hits[0].score, hits[0].score * FURTHER_SHARE) for hit in found)


def test_a_passage_a_quarter_worse_is_not_quoted() -> None:
    hits = [_hit(1.0), _hit(0.9, "It is open."), _hit(0.75, "It has a roof.")]
    assert near_best(hits, 3) == hits[:2]


def test_an_overdue_note_yields_to_a_near_equal() -> None:
    due = replace(_hit(0.80), passage=file_passage(document_id="note:1"))
    near, far = _hit(0.78, "It is open."), _hit(0.70, "It has a roof.")
    assert with_penalties([due, near, far], "when", {"note:1"}) == [near, due, far]
    assert with_penalties([due, near, far], "when", ()) == [due, near, far]


@pytest.mark.parametrize("question", ["how do i open it", "wie öffne ich das"])
def test_a_changelog_yields_to_a_near_equal(question: str) -> None:
    changes = replace(_hit(0.80), passage=file_passage(title="Release notes"))
    near, far = _hit(0.70, "It is open."), _hit(0.60, "It has a roof.")
    assert with_penalties([changes, near, far], question, ()) == [near, changes, far]


@pytest.mark.parametrize("question", ["what's new", "is 3.7 supported", "seit wann ist es offen"])
def test_a_question_for_changes_spares_changelogs(question: str) -> None:
    changes, near = replace(_hit(0.80), passage=file_passage(title="Changelog")), _hit(0.79)
    assert with_penalties([changes, near], question, ()) == [changes, near]


def test_identical_texts_of_two_documents_are_quoted_once() -> None:
    hits = [_hit(0.9, "Same words."), _hit(0.9, "Same\nwords."), _hit(0.8, "Other.")]
    assert [hit.passage.text for hit in near_best(hits, 2)] == ["Same words.", "Other."]


def test_recorded_hits_without_words_stay_different() -> None:
    hits = [
        RecordedHit("chat:1", "", "", "", 0.9, (), source_channel_id=7, position=place)
        for place in (0, 1)
    ]
    assert near_best(hits, 3) == hits


def test_contents_yield_to_text_of_their_page() -> None:
    contents = _contents(0.9)
    text, far = _hit(0.5, "It is open."), _hit(0.4, "It has a roof.")
    [first, second] = with_penalties([replace(contents, also=(text,)), far], "when", ())
    assert (first.passage, first.also) == (text.passage, (contents,))
    assert second == far


def test_contents_alone_yield_to_a_near_equal() -> None:
    contents, near = _contents(0.8), _hit(0.7, "It is open.")
    assert with_penalties([contents, near], "when", ()) == [near, contents]


def _contents(score: float) -> Hit:
    hit = _hit(score, "- Hours\n- Roof\n- Fees")
    return replace(hit, passage=replace(hit.passage, is_contents=True))


@pytest.mark.parametrize(
    ("evidence", "confirmed", "state"),
    [
        (Evidence.STRONG, False, State.SURE),
        (Evidence.PARTIAL, True, State.SURE),
        (Evidence.PARTIAL, False, State.UNSURE),
    ],
)
def test_strong_and_confirmed_answers_are_sure(
    evidence: Evidence, *, confirmed: bool, state: State
) -> None:
    hit = _hit(0.9)
    quote = Quote(hit.passage.text, citation(hit.passage), hit)
    assert Reply("q", Answer(evidence, (quote,), confirmed=confirmed)).state is state
    assert Reply("q", Refusal()).state is State.UNKNOWN


def test_a_page_named_in_an_article_is_a_reference() -> None:
    text = "As [the report](https://report.org/a) says."
    article = citation(file_passage(text, kind=Kind.ARTICLE))
    assert (article.link, article.reference) == ("https://own.org/", "https://report.org/a")
    article = citation(file_passage("No link.", kind=Kind.ARTICLE))
    assert (article.link, article.reference) == ("https://own.org/", "")
    file = citation(file_passage(text, kind=Kind.FILE))
    assert (file.link, file.reference) == ("https://own.org/", "")


def test_a_chat_is_cited_by_its_first_message() -> None:
    text = "[x](https://a.org/)\n\n**[Ada](https://discord.com/channels/1/2/3)**, today:\n\nHere."
    assert citation(file_passage(text, kind=Kind.CHAT)).link == "https://discord.com/channels/1/2/3"
    assert citation(file_passage("Here.", kind=Kind.CHAT)).link == "https://own.org/"

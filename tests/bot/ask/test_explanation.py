"""Why an answer was given: words and names for members, figures for moderators."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.ask import explanation
from bot.ask.explanation import why
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence, Question, RecordedHit
from tests.bot.spoken import english, said_in

WHEN = datetime(2026, 3, 4, tzinfo=UTC)
HIT = RecordedHit(
    "note:1", "GPU hours", "", "The club has 40 hours a month.", 0.5, ("meaning", "words")
)


def _question(*hits: RecordedHit, text: str = "How many GPU hours has the *Club*?") -> Question:
    return Question(1, 10, 5, 1, text, Evidence.STRONG, WHEN, 3, list(hits))


def _line(hit: RecordedHit, *, moderator: bool = False) -> str:
    [message] = why(_question(hit), moderator=moderator)
    return message.splitlines()[-1]


@pytest.mark.parametrize(
    ("legs", "told"),
    [
        (("meaning", "words"), "matched by meaning and by these words: “GPU”, “hours”, “Club”"),
        (("words",), "matched by these words: “GPU”, “hours”, “Club”"),
        (("meaning",), "matched by meaning"),
    ],
)
def test_a_passage_is_explained_by_shared_words(legs: tuple[str, ...], told: str) -> None:
    assert _line(replace(HIT, legs=legs)) == f"1. **GPU hours** · {told}"


def test_common_words_include_signs_of_code() -> None:
    hit = replace(HIT, legs=("words",), passage="`==` compares values, `is` names.")
    [message] = why(_question(hit, text="what does == compare"))
    assert message.endswith("matched by these words: “compare”, “==”")


def test_words_that_match_by_correction_are_not_named() -> None:
    hit = replace(HIT, title="", passage="Zebras.", heading="Tariffs")
    assert _line(hit) == "1. **Tariffs** · matched by meaning and by words"


def test_a_note_is_told_by_revision_and_approver() -> None:
    assert _line(replace(HIT, revision=2)).endswith(" · revision 2")
    approved = _line(replace(HIT, revision=2, approved_by="Ada, *Max*"))
    assert approved.endswith(" · revision 2, approved by Ada, \\*Max\\*")


def test_figures_are_for_moderators() -> None:
    [members] = why(_question(HIT))
    [moderators] = why(_question(HIT), moderator=True)
    assert english(explanation._ASKED, evidence="strong", when="<t:1772582400:f>") in members
    assert "0.50" not in members
    assert "Index generation 3." in moderators
    assert moderators.endswith(" · score 0.50")
    reranked = replace(HIT, legs=("meaning", "reranker"))
    assert _line(reranked, moderator=True).endswith(
        english(explanation._RERANKED, found="score 0.50")
    )
    assert "reranker" not in _line(reranked)


def test_an_explanation_without_hits_is_translated() -> None:
    assert why(_question())[0].endswith(explanation._NOTHING_NEAR.english)
    assert said_in(Language.GERMAN, why, _question())[0].endswith(
        "Ich habe nichts gefunden, was dem nahekommt."
    )

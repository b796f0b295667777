"""What is said in Discord: always within its limits, with nothing in it that could deceive."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.outcome import (
    Answer,
    Citation,
    Clarification,
    Conflict,
    Quote,
    Refusal,
    Reply,
    citation,
)
from bot.answers.places import Place
from bot.answers.quotations import citation_line
from bot.ask import messages
from bot.ask.messages import _DISAGREE, _REFUSAL, disagreement
from bot.text.markdown import LAYOUT_CHARACTERS, size
from indexer.contradictions.detector import Contradiction, Statement
from indexer.contradictions.quantities import Subject
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from indexer.text.passages import Passage
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence
from tests.bot.spoken import english, said_in
from tests.bot.values import TEXTS, in_one


def _passage(text: str, **changed: object) -> StoredPassage:
    passage = StoredPassage(
        id=1,
        document_id="note:1",
        scope=SHARED,
        kind=Kind.NOTE,
        position=0,
        title="GPU hours",
        heading="",
        text=text,
        link="",
        tags=(),
        contributor="Mira",
        verified=date(2026, 3, 4),
        revision=1,
        approved_by="Ada",
    )
    return replace(passage, **changed)  # type: ignore[arg-type]


def _quote(text: str, **changed: object) -> Quote:
    passage = _passage(text, **changed)
    hit = Hit(passage, 0.9, 0.8, 0.8, 0.5, ("meaning",))
    return Quote(text, citation(passage), hit)


def _said(reply: Reply, **how: Any) -> str:
    shown = messages.answer(reply, **how)
    return "\n".join([in_one(shown), *shown.places])


def _answered(question: str, *quotes: Quote, missing: tuple[str, ...] = ()) -> str:
    evidence = Evidence.PARTIAL if missing else Evidence.STRONG
    places = tuple(Place((quote.hit,), [quote.text]) for quote in quotes[:3]) if missing else ()
    return _said(Reply(question, Answer(evidence, quotes, places, missing)))


# Answers.


def test_an_invalid_question_gets_the_reason() -> None:
    reply = Reply("", Clarification())
    assert _said(reply).startswith("I need some words")
    assert said_in(Language.GERMAN, _said, reply).startswith("Ich brauche ein paar Wörter")


def test_a_refusal_says_what_can_be_done() -> None:
    text = _said(Reply("who @everyone?", Refusal()))
    assert _REFUSAL.english in text
    assert not re.search(r"(?<!\\)@everyone", text)


def test_a_refused_follow_up_names_the_earlier_page() -> None:
    cited = _quote("Turn the key.", title="The press").citation
    assert "**The press**" in _said(Reply("and then?", Refusal(before=cited)))


ENGLISH_NOTE = "The club has 40 hours, and each of them is free for members."


GERMAN_NOTE = "Der Verein hat 40 Stunden, und sie sind für Mitglieder frei."


@pytest.mark.parametrize(
    ("question", "note", "language", "named"),
    [
        ("Wie viele Stunden gibt es für uns?", ENGLISH_NOTE, Language.GERMAN, "auf Englisch"),
        ("How many of the hours are free?", GERMAN_NOTE, Language.ENGLISH, "in German"),
        ("GPU?", GERMAN_NOTE, Language.ENGLISH, "in German"),
        ("GPU?", GERMAN_NOTE, Language.GERMAN, ""),
        ("wofür steht GPU", GERMAN_NOTE, Language.ENGLISH, ""),
        ("How many of the hours are free?", ENGLISH_NOTE, Language.GERMAN, ""),
        ("How many of the hours are free?", "`40 h`", Language.ENGLISH, ""),
        ("这个服务器有多少小时？", ENGLISH_NOTE, Language.ENGLISH, "in English"),
    ],
)
def test_foreign_notes_are_quoted_as_written(
    question: str, note: str, language: Language, named: str
) -> None:
    reply = Reply(question, Answer(Evidence.STRONG, (_quote(note),)))
    [quotation] = said_in(language, messages.answer, reply).quotations
    assert note.replace("`", "") in quotation.text.replace("`", "").replace("**", "")
    parts = quotation.cited.split(" · ")
    assert (named in parts) if named else not any("auf" in part or "in " in part for part in parts)


def test_an_answer_quotes_and_attributes_its_passage() -> None:
    text = _answered("How many hours?", _quote("The club has 40. It is free."))
    assert "> The club has 40. It is free." in text
    assert "**GPU hours** · by Mira · verified 04 Mar 2026" in text


def test_code_and_lists_follow_their_announcement_directly() -> None:
    text = "Run:\n\n```\na\n```\n\nOr:\n\n- one\n\n- two\n\n\n\nThat is all."
    said = _answered("how?", _quote(text))
    assert "> Run:\n> ```\n> a\n> ```\n> Or:\n> - one\n> - two\n> \n> That is all." in said


def test_a_partial_answer_says_what_is_missing() -> None:
    text = _answered("hours on *friday*?", _quote("The club has 40."), missing=("*friday*",))
    assert r"I found nothing on “\*friday\*”." in text


def test_a_partial_answer_without_missing_words_claims_nothing() -> None:
    reply = Reply("how many hours?", Answer(Evidence.PARTIAL, (_quote("The club has 40."),)))
    text = _said(reply)
    assert messages._UNSURE.english in text
    assert "found nothing on" not in text


@given(
    question=st.text(max_size=2_000),
    texts=st.lists(TEXTS, min_size=1, max_size=5),
    title=st.text(max_size=300),
    heading=st.text(max_size=300),
    link=st.one_of(st.just(""), st.text(max_size=700).map("https://a.org/{}".format)),
    missing=st.lists(st.text(min_size=1, max_size=400), max_size=5),
)
def test_an_answer_is_always_one_message(
    question: str, texts: list[str], title: str, heading: str, link: str, missing: list[str]
) -> None:
    quotes = [_quote(text, title=title, heading=heading, link=link) for text in texts]
    message = _answered(question, *quotes, missing=tuple(missing))
    assert size(message) <= LAYOUT_CHARACTERS


def test_text_that_grows_by_escaping_is_still_quoted() -> None:
    for text in ("a\n" * 600, "https://a.org/ " * 90, "@everyone " * 120, "_*_*" * 300):
        message = _answered("?" * 2_000, _quote(text))
        assert size(message) <= LAYOUT_CHARACTERS
        assert "> " in message


@pytest.mark.parametrize(
    "link",
    [
        "https://a.org/x>) [bank](https://evil.org",
        "https://a b",
        "javascript:x",
        "https://" + "a" * 600,
    ],
)
def test_only_addresses_are_linked(link: str) -> None:
    cited = Citation("file:x", Kind.FILE, "T", "H", link, "", None, None, "")
    assert citation_line(cited) == "-# **T › H**"


# Explanations, cards, outcomes.


# Notes that disagree.

LIMITS = ("Uploads are limited to 25 MB per file.", "Each uploaded file may be at most 10 MB.")


def _conflict(*texts: str) -> str:
    quotes = tuple(_quote(text, kind=Kind.NOTE) for text in texts)
    left, right = (
        Statement(text, 0, len(text), ((text.index(word), text.index(word) + len(word)),))
        for text, word in zip(texts, ("25 MB", "10 MB"), strict=False)
    )
    found = Conflict(0, 1, Contradiction(Subject.AMOUNT, left, right, 0.9))
    return _said(Reply("how large?", Answer(Evidence.STRONG, quotes, conflicts=(found,))))


def test_a_difference_between_notes_is_bold() -> None:
    lines = _conflict(*LIMITS).split("\n")
    warnings = [line for line in lines if line.startswith("⚠")]
    assert warnings == [
        english(
            _DISAGREE,
            left="“Uploads are limited to **25 MB** per file.”",
            right="“Each uploaded file may be at most **10 MB**.”",
        )
    ]
    first, second = (lines.index(f"> {text}") for text in LIMITS)
    assert first < lines.index(warnings[0]) < second


def test_long_disagreeing_sentences_are_cut_around_differences() -> None:
    padding = "so many words " * 40
    message = _conflict(*(f"{padding}{text} {padding}" for text in LIMITS))
    [warning] = [line for line in message.split("\n") if line.startswith("⚠")]
    assert "**25 MB**" in warning
    assert "**10 MB**" in warning
    assert len(warning) < 400
    assert size(message) <= LAYOUT_CHARACTERS


@given(st.text("ab \n*_[]()@`", min_size=1, max_size=60), st.text("ab \n*`", max_size=300))
def test_a_disagreement_is_one_line_with_its_difference_bold(differing: str, around: str) -> None:
    text = f"{around}x{differing}"
    start = len(around) + 1
    statement = Statement(text, 0, len(text), ((start, len(text)),))
    line = disagreement(Contradiction(Subject.NUMBER, statement, statement, 0.9))
    assert "\n" not in line
    assert "@everyone" not in line


LONG_LINE = "A line that an editor has ended behind about seventy signs, as it"


@pytest.mark.parametrize("kind", [Kind.FILE, Kind.PAGE, Kind.ARTICLE])
def test_wrapped_lines_are_joined(kind: Kind) -> None:
    text = f"- {LONG_LINE}\n  does. More."
    said = _answered("why?", _quote(text, kind=kind))
    assert f"> - {LONG_LINE} does. More." in said


@pytest.mark.parametrize("kind", [Kind.NOTE, Kind.CHAT, Kind.CHANNEL])
def test_line_breaks_made_in_discord_stay(kind: Kind) -> None:
    said = _answered("why?", _quote(f"{LONG_LINE}\ndoes. More.", kind=kind))
    assert f"> {LONG_LINE}\n> does. More." in said


# How much is said, by how sure it is.


def _scored(score: float, text: str) -> Quote:
    quote = _quote(text)
    return replace(quote, hit=replace(quote.hit, score=score))


def test_a_strong_answer_quotes_one_passage() -> None:
    quotes = (_scored(0.9, "The club has 40."), _scored(0.88, "A day has 24."))
    text = _said(Reply("how many?", Answer(Evidence.STRONG, quotes)))
    assert "Evidence: strong" in text
    assert "The club has 40." in text
    assert "A day has 24." not in text


def test_a_refusal_names_near_titles_without_quoting() -> None:
    hits = tuple(_scored(0.3, f"Text {n}.").hit for n in range(5))
    hits = tuple(
        replace(hit, passage=replace(hit.passage, title=f"Title {n}")) for n, hit in enumerate(hits)
    )
    text = _said(Reply("how many?", Refusal(), hits))
    assert "**Title 0** · **Title 1** · **Title 2**" in text
    assert "Title 3" not in text
    assert "> " not in text


def test_a_reply_does_not_repeat_the_question() -> None:
    reply = Reply("how many hours?", Answer(Evidence.STRONG, (_quote("The club has 40."),)))
    assert "how many hours?" not in _said(reply, repeats_question=False)
    assert "how many hours?" in _said(reply)


def test_parts_of_one_name_are_numbered() -> None:
    hits = [
        Hit(_part(number, heading), 0.0, 0.0, 0.0, 0.0, ())
        for number, heading in enumerate(["Ropes", "Ropes", "R" * 150, "Knots", "Ropes", "R" * 150])
    ]
    labels = messages.options([hit.passage for hit in hits])
    assert labels[:2] == ["Rigging › Ropes", "Rigging › Ropes (2)"]
    assert labels[3:5] == ["Rigging › Knots", "Rigging › Ropes (3)"]
    assert labels[5].endswith(" (2)")
    assert max(map(len, labels)) <= messages.OPTION_CHARACTERS
    assert len(set(labels)) == len(labels)


def _part(number: int, heading: str) -> StoredPassage:
    document = Document("file:rig", SHARED, Kind.FILE, "Rigging", "text")
    return StoredPassage.of(number, document, Passage(document.id, number, "Rigging", heading, "t"))

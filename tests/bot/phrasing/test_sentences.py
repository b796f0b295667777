"""Numbered sentences, and what is shown of those that are chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.phrased import Line
from bot.phrasing.sentences import (
    MOST_PASSAGES,
    MOST_SENTENCES,
    MOST_SHOWN,
    SENT_CHARACTERS,
    SHOWN_CHARACTERS,
    UNIT_CHARACTERS,
    Quoted,
    lines,
    number_sentences,
)
from bot.text.markdown import size
from indexer.text.sentences import units


def shown(texts: list[str], *ids: str) -> list[tuple[str, int]]:
    """The lines for some ids, with the number of their passage."""
    quotes = [Quoted(text, "Title") for text in texts]
    offered = {one.id: one for one in number_sentences(quotes)}
    found, _ = lines(quotes, [offered[key] for key in ids])
    assert all(line.verbatim for line in found)
    return [(line.text, line.numbers[0]) for line in found]


THREE = "Quokkas sleep by day. Rain wakes them. Ferries leave at nine."


def test_each_sentence_item_code_and_table_is_numbered() -> None:
    text = (
        "One is here.\n\n- two\n- three\n\n```sh\nls\npwd\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    assert [(one.id, one.text) for one in number_sentences([Quoted(text, "T")])] == [
        ("1.1", "One is here."),
        ("1.2", "- two"),
        ("1.3", "- three"),
        ("1.4", "```sh\nls\npwd\n```"),
        ("1.5", "| a | b |\n|---|---|\n| 1 | 2 |"),
    ]


def test_equal_sentences_have_one_number() -> None:
    found = number_sentences([Quoted(THREE, "A"), Quoted("Rain  wakes them. Snow, too.", "B")])
    assert [one.id for one in found] == ["1.1", "1.2", "1.3", "2.2"]


def test_too_long_sentence_has_no_number() -> None:
    text = "A" * (UNIT_CHARACTERS + 1) + ". Quokkas sleep."
    assert [one.id for one in number_sentences([Quoted(text, "A")])] == ["1.2"]


def test_passages_share_the_numbers() -> None:
    long = " ".join(f"Sentence {n} of {{0}} is here." for n in range(40))
    found = number_sentences([Quoted(long.format(name), name) for name in "abcd"])
    assert len(found) == MOST_SENTENCES
    assert {one.passage for one in found} == set(range(MOST_PASSAGES))
    found = number_sentences([Quoted(long.format("a"), "a"), Quoted(THREE, "b")])
    assert [sum(one.passage == place for one in found) for place in (0, 1)] == [21, 3]


def test_sentences_fit_a_small_model() -> None:
    long = "\n\n".join(f"Sentence {{0}} {n} is {'very ' * 280}long." for n in range(3))
    found = number_sentences([Quoted(long.format(name), name) for name in "abc"])
    assert [one.id for one in found] == ["1.1", "1.2", "1.3", "2.1", "2.2"]
    assert sum(size(one.text) for one in found) <= SENT_CHARACTERS


def test_lines_keep_the_chosen_order_and_join_neighbours() -> None:
    assert shown([THREE, "Snow is rare."], "2.1", "1.1", "1.2") == [
        ("Snow is rare.", 2),
        ("Quokkas sleep by day. Rain wakes them.", 1),
    ]


def test_omitted_sentences_are_marked() -> None:
    assert shown([THREE], "1.1", "1.3") == [("Quokkas sleep by day. … Ferries leave at nine.", 1)]
    assert shown([THREE], "1.3", "1.1") == [
        ("Ferries leave at nine.", 1),
        ("Quokkas sleep by day.", 1),
    ]
    assert shown(["- one cat\n- two cats\n- three cats"], "1.1", "1.3") == [
        ("- one cat\n…\n- three cats", 1)
    ]
    assert shown(
        ["Run this now:\n\n```\nls\n```\n\nNothing else. The end is near."], "1.2", "1.4"
    ) == [("Run this now:\n\n```\nls\n```\n\n…\n\nThe end is near.", 1)]


@pytest.mark.parametrize(
    ("text", "chosen", "seen"),
    [
        ("Quokkas sleep. They wake at dusk.", "1.2", "Quokkas sleep. They wake at dusk."),
        ("Entry is free. But dogs pay.", "1.2", "Entry is free. But dogs pay."),
        ("Der Eintritt ist frei. Aber Hunde zahlen.", "1.2", None),
        ("A gate is here. It is old. However, it opens.", "1.3", None),
        ("Bring these:\n- a lamp", "1.2", "Bring these:\n- a lamp"),
        ("Bring these:\n- a lamp", "1.1", "Bring these:\n- a lamp"),
        ("Is it open? Yes. It opens at nine.", "1.2", None),
        ("Quokkas sleep. They wake at dusk.", "1.1", "Quokkas sleep."),
        ("Quokkas sleep. No dogs may enter.", "1.2", "No dogs may enter."),
        ("May dogs enter? No, they may not.", "1.2", None),
    ],
)
def test_sentence_is_shown_with_its_context(text: str, chosen: str, seen: str) -> None:
    assert shown([text], chosen) == [(seen or text, 1)]


def test_no_sentence_is_shown_twice() -> None:
    text = "Quokkas sleep. They wake at dusk. They eat then."
    assert shown([text], "1.2", "1.1", "1.3") == [(text, 1)]
    assert shown([text], "1.3", "1.2", "1.1") == [(text, 1)]


PIECES = st.sampled_from(
    ["Cats sleep.", "They wake.", "But dogs bark.", "- an item", "- it too", "Take this:", "Yes.",
     "```\ncode 1\n```", "| a |\n|---|\n| 1 |", "## Head", "> said so", "@everyone come.",
     "See https://example.org/x now.", "A" * 900 + "."]
)  # fmt: skip
TEXTS = st.lists(st.tuples(PIECES, st.sampled_from([" ", "\n", "\n\n"])), max_size=8).map(
    lambda pairs: "".join(piece + blank for piece, blank in pairs)
)


@given(st.lists(TEXTS, max_size=4), st.data())
def test_any_choice_is_shown_verbatim(texts: list[str], data: st.DataObject) -> None:
    quotes = [Quoted(text, "T") for text in texts]
    offered = number_sentences(quotes)
    chosen = data.draw(st.lists(st.sampled_from(offered), max_size=12)) if offered else []
    found, ids = lines(quotes, chosen)
    assert bool(found) == bool(chosen)
    for line in found:
        check_verbatim(line, quotes)
    assert len(ids) == len(set(ids)) <= MOST_SHOWN
    assert set(ids) <= {one.id for one in chosen}
    assert sum(size(line.text) for line in found) <= SHOWN_CHARACTERS + UNIT_CHARACTERS


def check_verbatim(line: Line, quotes: list[Quoted]) -> None:
    """A line consists of units of the one passage that it names; no passage here has a "…"."""
    [number] = line.numbers
    text = quotes[number - 1].text
    whole = {text[slice(*span)].strip() for span in units(text)}
    for piece in line.text.split("…"):
        bare = piece.strip()
        assert bare in text
        assert any(bare.startswith(unit) for unit in whole)
        assert any(bare.endswith(unit) for unit in whole)

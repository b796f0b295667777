import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.review.text_diff import Change, Piece, compact, differences

ARTICLES = Path(__file__).parents[3] / "knowledge" / "articles"

KEPT, REMOVED, ADDED = Change.KEPT, Change.REMOVED, Change.ADDED

# Few letters, so texts have much in common; all line ends, fences, combining marks.
_TEXTS = st.text(st.sampled_from(list("abc .,!`~\n\r\t-é\u0301日本🙂\x0b\u2028")), max_size=80)


def _marked(pieces: tuple[Piece, ...]) -> str:
    marks = {KEPT: "{}", REMOVED: "[-{}]", ADDED: "[+{}]"}
    return "".join(marks[piece.change].format(piece.text) for piece in pieces)


def _side(pieces: tuple[Piece, ...], change: Change) -> str:
    return "".join(piece.text for piece in pieces if piece.change in {KEPT, change})


@given(_TEXTS, _TEXTS)
def test_pieces_alternate_and_give_both_texts(old: str, new: str) -> None:
    pieces = differences(old, new)
    assert _side(pieces, ADDED) == new
    assert _side(pieces, REMOVED) == old
    assert all(piece.text for piece in pieces)
    changes = [piece.change for piece in pieces]
    assert all(one is not other for one, other in itertools.pairwise(changes))


@given(_TEXTS)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert all(piece.change is KEPT for piece in differences(text, text))
    assert compact(differences(text, text)) == ()


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("The meetup is on Friday.", "The meetup is on Monday.",
         "The meetup is on [-Friday][+Monday]."),
        ("Needs Python 3.11 or newer.", "Needs Python 3.12 or newer.",
         "Needs Python [-3.11][+3.12] or newer."),
        ("Don't run it.", "Do run it.", "[-Don't][+Do] run it."),
        ("You can do it.", "You can not do it.", "You can [+not ]do it."),
        ("red green blue sky", "one two three sky", "[-red green blue][+one two three] sky"),
        ("First. Second. Third.", "First. Third.", "First. [-Second. ]Third."),
        ("- a\n- b\n", "- a\n- c\n- b\n", "- a\n[+- c\n]- b\n"),
        ("会议在周五举行。", "会议在周一举行。", "会议在周[-五][+一]举行。"),
        ("", "New.", "[+New.]"),
        ("Old.", "", "[-Old.]"),
    ],
)  # fmt: skip
def test_differences_are_marked_as_by_people(old: str, new: str, shown: str) -> None:
    assert _marked(differences(old, new)) == shown


def test_a_line_of_code_is_replaced_whole() -> None:
    old = "Run this:\n```sh\npip install foo==1.0\n```\nThen restart.\n"
    new = old.replace("1.0", "1.1").replace("restart", "reload")
    assert _marked(differences(old, new)) == (
        "Run this:\n```sh\n[-pip install foo==1.0\n][+pip install foo==1.1\n]```\n"
        "Then [-restart][+reload].\n"
    )


def test_some_words_around_changes_are_shown() -> None:
    words = " ".join(f"w{i}" for i in range(100))
    pieces = compact(differences(f"{words} old {words} end.", f"{words} new {words} end!"), 3)
    assert _marked(pieces) == ("… w97 w98 w99 [-old][+new] w0 w1 w2 … w98 w99 end[-.][+!]")


def test_context_that_is_short_is_shown_whole() -> None:
    pieces = differences("one two old three four", "one two new three four")
    assert compact(pieces, 2) == pieces
    before = "The workshop is in room 204. Bring a laptop, and come ten minutes early."
    pieces = differences(before, before.replace("204", "204 on the second floor"))
    assert compact(pieces) == pieces


def _edited(text: str, chance: random.Random) -> str:
    """The text with one word in twenty replaced."""
    return "".join(
        "changed " if chance.random() < 0.05 else word + " " for word in text.split(" ")
    ).rstrip()


_CHANCE = random.Random(1)  # noqa: S311 - texts to measure by, no secrets
_PROSE = "\n\n".join(path.read_text() for path in sorted(ARTICLES.glob("*.md")))[:30_000]
_KINDS = [f"w{i}" for i in range(100)]
_FEW_WORDS, _OTHER_FEW_WORDS = (" ".join(_CHANCE.choices(_KINDS, k=9_000)) for _ in range(2))
_HARD = {
    "prose, a word in twenty replaced": (_PROSE, _edited(_PROSE, _CHANCE)),
    "nothing in common": (_PROSE, _PROSE[::-1]),
    "few words, shuffled": (_FEW_WORDS, _OTHER_FEW_WORDS),
    "few words on lines": (_FEW_WORDS.replace(" ", "\n"), _OTHER_FEW_WORDS.replace(" ", "\n")),
    "one letter": ("a " * 15_000, "b a " * 7_500),
    "one sign": ("." * 30_000, ".," * 15_000),
}


@pytest.mark.parametrize("name", _HARD)
def test_long_texts_hard_to_compare_are_compared(name: str) -> None:
    """`MOST_STEPS` bounds the time; without it, it would be minutes."""
    old, new = _HARD[name]
    pieces = differences(old, new)
    assert _side(pieces, ADDED) == new
    assert _side(pieces, REMOVED) == old
    if name == "prose, a word in twenty replaced":
        kept = sum(len(piece.text) for piece in pieces if piece.change is KEPT)
        assert kept > 0.9 * len(new)


def _shuffled(words: int) -> str:
    """A number of words of a hundred kinds, equally frequent."""
    every = [f"w{number % 100}" for number in range(words)]
    _CHANCE.shuffle(every)
    return " ".join(every)


def test_too_many_equal_words_are_compared_coarsely() -> None:
    """4,000 words of a hundred kinds are 160,000 pairs: more than `MOST_STEPS`."""
    pieces = differences(f"Old {_shuffled(4_000)} old.", f"New {_shuffled(4_000)} new.")
    assert [piece.change for piece in pieces] == [REMOVED, ADDED, KEPT]
    assert pieces[-1].text == "."
    assert len(differences(f"Old {_shuffled(1_000)}", f"New {_shuffled(1_000)}")) > 10

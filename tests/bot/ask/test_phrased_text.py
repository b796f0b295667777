"""What a model chose is quoted to the letter, what it wrote is plain; both name what is below."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.phrased import Line, Outcome, Phrased
from bot.ask.phrased_text import (
    _CHOSEN,
    _PHRASED,
    MOST_CHARACTERS,
    cited_places,
    phrased_text,
)
from bot.text.markdown import size
from knowledge.values.guilds import Language
from tests.bot.spoken import english, said_in

CHOSEN = f"-# {english(_CHOSEN, model='small')}"
PHRASED = f"-# {english(_PHRASED, model='small')}"


def said(*lines: Line, numbers: dict[int, int] | None = None, model: str = "small") -> list[str]:
    phrased = Phrased(Outcome.SHOWN, lines, model)
    return [*english(phrased_text, phrased, numbers or {1: 1, 2: 2})]


def chosen(text: str, *numbers: int) -> Line:
    return Line(text, numbers or (1,), verbatim=True)


def written(text: str, *numbers: int) -> Line:
    return Line(text, numbers or (1,), verbatim=False)


def test_sentences_follow_one_another_each_with_its_number() -> None:
    text = said(chosen("Buy wood in May."), chosen("It is dry then. It is cheap.", 2))
    assert text == ["> Buy wood in May. [1] It is dry then. It is cheap. [2]", CHOSEN]


def test_lists_code_and_tables_have_their_own_lines() -> None:
    text, _ = said(
        chosen("Run it:\n\n```sh\nmake\n```"), chosen("- one\n- two", 2), chosen("| a |\n|---|")
    )
    assert text.split("\n") == [
        "> Run it:",
        "> ",
        "> ```sh",
        "> make",
        "> ```",
        "> [1]",
        "> - one",
        "> - two [2]",
        "> ```",
        "> a",
        "> -",
        "> ```",
        "> [1]",
    ]


def test_what_a_model_wrote_is_plain_text_and_labelled() -> None:
    text, told = said(written("**Buy** [wood](https://x.example) @everyone in May.", 2, 1))
    assert text == (r"\*\*Buy\*\* \[wood\]\(https\://x.example\) \@everyone in May. [1][2]")
    assert told == PHRASED


def test_one_written_sentence_beside_choices_is_labelled_written() -> None:
    text, told = said(written("Wood is bought in May."), chosen("It is dry then.", 2))
    assert text == "Wood is bought in May. [1] It is dry then. [2]"
    assert told == PHRASED


def test_numbers_are_those_of_the_quotations_below() -> None:
    text, _ = said(chosen("It is dry then.", 3), numbers={1: 1, 3: 2})
    assert text == "> It is dry then. [2]"
    lines = (chosen("a", 3), chosen("b", 1))
    assert cited_places(Phrased(Outcome.SHOWN, lines)) == [2, 0]


def test_cut_marks_of_bold_are_dropped() -> None:
    text, _ = said(chosen("**Buy wood in May."))
    assert text == "> Buy wood in May. [1]"
    text, _ = said(chosen("**Buy** wood in May."))
    assert text == "> **Buy** wood in May. [1]"


def test_a_models_name_is_no_markdown() -> None:
    _, told = said(chosen("Buy wood."), model="**big** <@1> " + "x" * 100)
    assert told.startswith(r"-# Chosen word for word by \*\*big\*\* \<\@1\> xxx")
    assert "…" in told


def test_text_beyond_a_phones_screen_is_dropped() -> None:
    long = "A sentence of some length that says something. " * 4
    text, _ = said(chosen(long.strip()), chosen("The second one.", 2), chosen(long.strip(), 2))
    assert "The second one. [2]" in text
    assert text.count("A sentence of some length") == 4


@pytest.mark.parametrize("line", [chosen("x" * 1_500), written("@" * 1_000)])
def test_too_long_a_message_shows_nothing(line: Line) -> None:
    assert said(line) == []


def test_without_lines_there_is_nothing() -> None:
    assert said() == []


@given(
    st.lists(
        st.builds(
            Line,
            st.text(max_size=300),
            st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple),
            st.booleans(),
        ),
        max_size=6,
    ),
    st.sampled_from(Language),
)
def test_whatever_it_is_no_line_leaves_its_quotation(lines: list[Line], language: Language) -> None:
    phrased = Phrased(Outcome.SHOWN, tuple(lines), "small")
    found = said_in(language, phrased_text, phrased, {number: number for number in range(1, 6)})
    for text in found[:1]:
        assert size(text) <= MOST_CHARACTERS
        if all(line.verbatim for line in lines):
            assert all(line.startswith("> ") for line in text.split("\n"))
        assert "@everyone" not in text
        assert "](" not in text.replace(r"]\(", "").replace("](<http", "")

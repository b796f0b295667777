import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.sentences import sentence_windows, sentences
from tests.indexer.text.markdown_texts import markdown, prose


def _found(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


# Windows.


@given(st.lists(prose.map(lambda text: text.capitalize() + "."), max_size=12).map(" ".join))
def test_every_sentence_is_in_a_window(text: str) -> None:
    windows = sentence_windows(text)
    assert all(any(sentence in window for window in windows) for sentence in _found(text))


# Sentences.


@given(st.one_of(st.text(max_size=300), markdown))
def test_sentences_are_in_order_and_cover_every_word(text: str) -> None:
    spans = sentences(text)
    position = 0
    for start, end in spans:
        assert position <= start < end
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


@pytest.mark.parametrize(
    "text",
    [
        "See Dr. Smith about it.",
        "Models, e.g. Llama, are large.",
        "Fig. 3 shows it.",
        "It was z.B. Berlin.",
        "J. R. R. Tolkien wrote it.",
        "Version 2.7.1 is out.",
        "Wait for it ... then go on.",
        "Is it?no",
    ],
)
def test_an_abbreviation_does_not_end_a_sentence(text: str) -> None:
    assert _found(text) == [text]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("He said “go.” She went.", ["He said “go.”", "She went."]),
        ("**Bold.** Then plain.", ["**Bold.**", "Then plain."]),
        ("一つ。二つ。", ["一つ。", "二つ。"]),
        ("One\nparagraph.\n\nAnother", ["One\nparagraph.", "Another"]),
        ("Intro:\n- one\n- two", ["Intro:", "- one", "- two"]),
        ("1. One.\n2. Two.", ["1. One.", "2. Two."]),
        ("| a. B | c |\n|---|---|", ["| a. B | c |", "|---|---|"]),
        ("Run:\n\n```\na. B\n\nc. D\n```\nDone.", ["Run:", "```\na. B\n\nc. D\n```", "Done."]),
        ("```\nnever closed. Really", ["```\nnever closed. Really"]),
    ],
)
def test_a_sentence_is_what_can_be_quoted_without_breaking_it(text: str, found: list[str]) -> None:
    assert _found(text) == found


def test_the_code_of_a_step_is_one_sentence_although_it_is_set_in() -> None:
    code = "```bash\n   run this. Then that.\n\n   and this\n   ```"
    text = f"1. First do this:\n\n   {code}\n2. Then stop."
    found = [text[start:end] for start, end in sentences(text)]
    assert found == ["1. First do this:", code, "2. Then stop."]

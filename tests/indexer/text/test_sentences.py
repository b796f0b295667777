import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.sentences import (
    STEPS_CHARACTERS,
    announces,
    introduces,
    is_steps,
    passage_separator,
    refers_back,
    sentence_windows,
    sentences,
    steps_and_units,
    units,
)
from tests.indexer.text.markdown_texts import markdown, prose


def _found(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


# Windows.


@given(st.lists(prose.map(lambda text: text.capitalize() + "."), max_size=12).map(" ".join))
def test_every_sentence_is_in_a_window(text: str) -> None:
    windows = sentence_windows(text)
    assert all(any(sentence in window for window in windows) for sentence in _found(text))


def test_windows_of_text_without_blanks_have_about_fifty_words() -> None:
    text = "服务器每天晚上四点备份世界，保留七份每日存档和四份每周存档。" * 12
    windows = sentence_windows(text)
    assert len(windows) > 4
    assert all(window.endswith("。") and len(window) <= 130 for window in windows)


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
        ("**一つ。**二つ！", ["**一つ。**", "二つ！"]),
        ("彼は「行く。明日も。」と言った。次へ。", ["彼は「行く。明日も。」と言った。", "次へ。"]),
        ("他说：“走吧。”然后离开了。", ["他说：“走吧。”", "然后离开了。"]),
        ("在设置里（见下图。）点击保存。完成！", ["在设置里（见下图。）", "点击保存。", "完成！"]),
        ("هل يعمل؟ نعم. شكرا", ["هل يعمل؟", "نعم.", "شكرا"]),
        ("यह काम करता है। फिर बंद करें।", ["यह काम करता है।", "फिर बंद करें।"]),
        ("เปิดเซิร์ฟเวอร์ แล้วรอสองนาที", ["เปิดเซิร์ฟเวอร์", "แล้วรอสองนาที"]),
        ("One\nparagraph.\n\nAnother", ["One\nparagraph.", "Another"]),
        ("Intro:\n- one\n- two", ["Intro:", "- one", "- two"]),
        ("1. One.\n2. Two.", ["1. One.", "2. Two."]),
        ("| a. B | c |\n|---|---|", ["| a. B | c |", "|---|---|"]),
        ("| One. Two | c |\n|---|---|", ["| One. Two | c |", "|---|---|"]),
        ("Run:\n\n```\na. B\n\nc. D\n```\nDone.", ["Run:", "```\na. B\n\nc. D\n```", "Done."]),
        ("```\nnever closed. Really", ["```\nnever closed. Really"]),
        ("Press F5  \nWait\nfor it", ["Press F5", "Wait\nfor it"]),
        ("Press F5  \nand wait", ["Press F5  \nand wait"]),
        ("Look\n![a](b.png) ![](c.png)\nhere", ["Look", "![a](b.png) ![](c.png)", "here"]),
        ("Look ![a](b.png)\nhere", ["Look ![a](b.png)\nhere"]),
        (
            "**1. Be kind.** Always.\n**2. No ads** here",
            ["**1. Be kind.**", "Always.", "**2. No ads** here"],
        ),
    ],
)
def test_a_sentence_is_what_can_be_quoted_without_breaking_it(text: str, found: list[str]) -> None:
    assert _found(text) == found


def test_indented_code_of_a_step_is_one_sentence() -> None:
    code = "```bash\n   run this. Then that.\n\n   and this\n   ```"
    text = f"1. First do this:\n\n   {code}\n2. Then stop."
    found = [text[start:end] for start, end in sentences(text)]
    assert found == ["1. First do this:", code, "2. Then stop."]


def test_bold_line_above_a_list_is_a_sentence() -> None:
    text = "**More info**\n**1.** [One](https://a.org)\n**2.** See it."
    assert _found(text) == text.split("\n")


# Units.

STEPS = """\
1. First do this. It takes long.

   ```sh
   make
   ```
   Then wait.
   - Not for long.
2. Then stop.

Done. - Really."""


def test_item_is_a_unit_without_the_items_below() -> None:
    first, rest = STEPS.split("   - ")
    item, *said = rest.split("\n")
    assert [STEPS[start:end] for start, end in units(STEPS)] == [
        first.rstrip(),
        f"- {item}",
        said[0],
        "Done.",
        "- Really.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Do this:\n\n1. One.\n2. Two.\n\nDone.", ["Do this:", "1. One.\n2. Two.", "Done."]),
        ("1) One.\n\n2) Two.", ["1) One.\n\n2) Two."]),
        ("**1.** One.\n**2.** Two.", ["**1.** One.\n**2.** Two."]),
        ("1. Run:\n\n```\na\n```\n\n2. Two.", ["1. Run:\n\n```\na\n```\n\n2. Two."]),
        ("1. One:\n   - a\n   - b\n2. Two.", ["1. One:\n   - a\n   - b\n2. Two."]),
        ("- One.\n- Two.", ["- One.", "- Two."]),
        ("1. One.\n- Two.", ["1. One.", "- Two."]),
    ],
)
def test_steps_are_one_with_what_is_below_them(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in steps_and_units(text)] == expected


@pytest.mark.parametrize("longer", [0, 1])
def test_only_steps_that_can_be_followed_at_once_are_one(longer: int) -> None:
    first, last = "1. Pull the rope.\n", "2. "
    text = f"{first}{last}{'a' * (STEPS_CHARACTERS + longer - len(first) - len(last))}"
    found = steps_and_units(text)
    assert len(found) == 1 + longer
    assert is_steps(text, (0, len(text))) is not bool(longer)


@given(markdown)
def test_steps_and_units_cover_what_units_cover(text: str) -> None:
    joined = steps_and_units(text)
    assert {start for start, _ in joined} <= {start for start, _ in units(text)}
    assert all(any(a <= start < end <= b for a, b in joined) for start, end in units(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Replace the line\n\n```\na\n```", True),
        ("Replace the line with\n\n> a", True),
        ("Choose one of\n\n| a |\n|---|\n| 1 |", True),
        ("You need\n\n- a rope", True),
        ("Do as follows.\n\nPull it.", True),
        ("It is done.\n\n```\na\n```", False),
        ("It is done\n\nPull it.", False),
        ("- a rope\n- a sail", False),
        ("| a |\n|---|\n\n```\na\n```", False),
        ("![a rope](a.png)\n\n- a rope", False),
    ],
)
def test_a_sentence_that_goes_on_introduces_a_block(text: str, *, expected: bool) -> None:
    first, second, *_ = units(text)
    assert introduces(text, first, second) is expected


@pytest.mark.parametrize(
    "text",
    [
        "Prices:",
        "However, the following should resolve these issues.",
        "The following steps will bring it back.",
        "Do the following.",
        "On the board, run the following on each node",
        "Populate `a.env` with the following example variables.",
        "The script should look like this.",
        "You should see something like this...",
        "Make it something like the example below..",
        "Change the values as illustrated below.",
        "**Below is an example of two in one.**",
        "Install it as follows.",
    ],
)
def test_what_says_only_that_something_follows_announces_it(text: str) -> None:
    assert announces(text)


@pytest.mark.parametrize(
    "text",
    [
        "The following issues should no longer occur.",
        "**Open it in a private window.**",
        "Press it like this, and let go.",
        "I never saw a lock like this.",
        "Use the key below the mat.",
        "Those who follow the rules may stay.",
        "Leave what is below it.",
        "| Do the following. |",
        "```\ndo the following\n```",
    ],
)
def test_what_says_something_itself_announces_nothing(text: str) -> None:
    assert not announces(text)


@pytest.mark.parametrize("text", ["It is so.", "This takes long.", "Example:", "Example usage:"])
def test_what_means_something_before_it_refers_back(text: str) -> None:
    assert refers_back(text)


def test_an_example_that_is_given_refers_to_nothing() -> None:
    assert not refers_back("Examples are in the folder below the first.")


@pytest.mark.parametrize(
    ("before", "after", "between"),
    [
        ("One.", "Two.", "  \n"),
        ("| a |\n|---|\n| 1 |", "| 2 |", "\n"),
        ("Two:\n\n- one", "- two", "\n"),
        ("Two:\n- one\n- two", "More.", "\n\n"),
    ],
)
def test_passages_may_be_parts_of_one_block(before: str, after: str, between: str) -> None:
    assert passage_separator(before, after) == between

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.excerpt import LINE_CHARACTERS, WHOLE_CHARACTERS, excerpt, room
from bot.text.markdown import size
from indexer.text.sentences import sentences

PROSE = st.lists(
    st.text(alphabet="abc ", min_size=1, max_size=80).map(lambda text: f"A{text.strip()}."),
    min_size=1,
    max_size=12,
).map(" ".join)


@given(PROSE, st.integers(min_value=60, max_value=400), st.data())
def test_an_excerpt_holds_the_deciding_sentence_and_keeps_to_the_limit(
    text: str, limit: int, data: st.DataObject
) -> None:
    deciding = data.draw(st.sampled_from(sentences(text)))
    body, cut = excerpt(text, limit, deciding)
    sentence = text[slice(*deciding)]
    # Four marks for the bold, two for each place where something was left out.
    assert len(body) <= limit + 4 + 2 * 3
    if room(sentence) <= limit:
        assert f"**{sentence}**" in body
    assert cut == ("…" in body)


def test_a_text_that_fits_is_shown_whole() -> None:
    assert excerpt("One. Two. Three.", 100, (5, 9)) == ("One. **Two.** Three.", False)


def test_what_was_left_out_on_either_side_is_marked() -> None:
    text = "One is the first. Two is the second. Three is the third."
    assert excerpt(text, LINE_CHARACTERS, (18, 36)) == ("… **Two is the second.** …", True)


def test_an_excerpt_holds_the_table_whose_row_answers_whole_and_unmarked() -> None:
    table = "| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |"
    text = f"{'Before it. ' * 20}\n\n{table}\n\n{'After it. ' * 20}"
    row = text.index("| y | 2 |")
    assert excerpt(text, 3 * LINE_CHARACTERS, (row, row + 9)) == (f"…\n\n{table}\n\n…", True)
    opened = f"Before it.\n\n…\n\n{table}\n\n…"
    assert excerpt(text, 4 * LINE_CHARACTERS, (row, row + 9)) == (opened, True)


def test_of_a_table_that_takes_more_room_the_rows_around_the_one_that_answers_are_left() -> None:
    rows = [f"| {number} | {'x' * 30} |" for number in range(10)]
    text = "\n".join(["Prices:", "", "| a | b |", "|---|---|", *rows])
    # Two lines are the head's, and each row takes two.
    middle = around(text, "| 5 |", 9 * LINE_CHARACTERS, 500)
    head = "…\n\n| a | b |\n|---|---|\n| … |\n"
    assert middle == head + "\n".join(rows[5:8]) + "\n\n…"
    top = around(text, "| 0 |", 12 * LINE_CHARACTERS, 500)
    assert top.startswith(text[: text.index("| 1 |")])
    assert around(text, "Prices:", LINE_CHARACTERS, 500).startswith(text[: text.index("| 1 |")])


def test_a_sentence_longer_than_the_limit_is_cut_without_a_stray_mark() -> None:
    text = "word " * 100
    body, cut = excerpt(text, 50, (0, 499))
    assert cut
    assert len(body) <= 50
    assert "*" not in body


@pytest.mark.parametrize(
    ("text", "shown_as"),
    [
        ("Intro.\n- one\n- two", "Intro.\n- **one**\n- two"),
        ("Intro.\n1. one\n2. two", "Intro.\n1. **one**\n2. two"),
        ("Intro.\n\n> one", "Intro.\n\n> **one**"),
        ("Intro.\n\n> - one", "Intro.\n\n> - **one**"),
        ("Intro\n**one**\n\ntwo", "**Intro\none**\n\ntwo"),
    ],
)
def test_bold_does_not_break_the_markdown_around_it(text: str, shown_as: str) -> None:
    spans = sentences(text)
    deciding = spans[0] if shown_as.startswith("**") else spans[1]
    assert excerpt(text, 200, deciding)[0] == shown_as


# What is never cut.


def around(text: str, answering: str, limit: int = 60, most: int = 0) -> str:
    """An excerpt around the sentence, item, row or code that begins so."""
    start = text.index(answering)
    deciding = next(span for span in sentences(text) if span[0] <= start < span[1])
    return excerpt(text, limit, deciding, most)[0].replace("**", "")


CODE = "```py\nfor number in range(10):\n    print(number)\n```"


def test_code_is_whole_and_what_is_left_out_is_marked_apart_from_it() -> None:
    text = f"{'Before it. ' * 20}\n\n{CODE}\n\n{'After it. ' * 20}"
    assert around(text, "```py", 10, 500) == f"…\n\n{CODE}\n\n…"


def test_code_is_never_in_bold() -> None:
    assert excerpt(f"Text.\n\n{CODE}", 600, (7, 7 + len(CODE)))[0] == f"Text.\n\n{CODE}"


def test_code_too_long_for_a_message_ends_between_two_lines_and_is_closed() -> None:
    lines = [f"print({number})" for number in range(300)]
    text = "\n".join(["```py", *lines, "```", "", "After it."])
    body = around(text, "```py", 100, 500)
    assert body.endswith("\n```\n\n…")
    opening, *kept, closing = body.removesuffix("\n\n…").split("\n")
    assert (opening, closing) == ("```py", "```")
    assert kept == lines[: len(kept)]
    assert 450 < size(body) <= 510


def test_a_table_too_long_for_a_message_keeps_its_top_and_the_row_that_answers() -> None:
    rows = [f"| {number} | {'x' * 30} |" for number in range(100)]
    text = "\n".join(["| a | b |", "|---|---|", *rows])
    body = around(text, "| 40 |", 100, 500)
    kept = body.removesuffix("\n\n…").removeprefix("…\n\n| a | b |\n|---|---|\n| … |\n")
    assert rows[40] in kept.split("\n")
    assert all(row in rows for row in kept.split("\n"))


LIST = """\
Two things matter.

- The first one, which is long. It has two sentences.

  It has a second paragraph, too.
- The second one."""


def test_a_list_item_is_whole_with_all_its_paragraphs() -> None:
    item, last = LIST.partition("\n\n")[2].rsplit("\n", 1)
    assert around(LIST, "It has two", 10, 500) == f"…\n{item}\n…"
    assert around(LIST, last, 10, 500) == f"…\n{last}"


def test_an_item_longer_than_any_excerpt_is_cut_between_sentences() -> None:
    said = [f"Sentence {number} of it." for number in range(100)]
    text = f"- {' '.join(said)}\n- Another."
    body = around(text, "Sentence 50", 200, 500)
    assert "Sentence 50 of it." in body
    assert body.removeprefix("… ").removesuffix(" …") in text
    assert size(body) <= 210


def test_a_sentence_is_whole_where_it_is_longer_than_the_excerpt_may_be() -> None:
    text = f"Before. It is {'very ' * 100}long. After."
    assert f"It is {'very ' * 100}long." in around(text, "It is", 60, WHOLE_CHARACTERS)


def test_of_several_blank_lines_one_is_left_but_in_code() -> None:
    code = "```\na\n\n\n\nb\n```"
    assert excerpt(f"One.\n\n \n\nTwo.\n\n\n{code}", 600, None)[0] == f"One.\n\nTwo.\n\n{code}"


# What says nothing alone.


@pytest.mark.parametrize("announcing", ["Run this:", "**Examples**", "Examples", "For example:"])
def test_no_excerpt_ends_with_what_announces_what_follows(announcing: str) -> None:
    text = f"It is easy.\n\n{announcing}\n\n{CODE}\n\nThat is all."
    assert around(text, "It is easy", 45).startswith("It is easy. …")
    assert around(text, announcing, 20, 500).endswith(f"{announcing.strip('*')}\n\n{CODE}\n\n…")


def test_what_announces_nothing_is_left_out_at_the_end() -> None:
    assert excerpt("It is easy. Examples:", 100, None) == ("It is easy. …", True)


def test_a_sentence_that_begins_with_this_or_it_takes_what_it_means_along() -> None:
    text = "Nothing of it. The cache holds keys. It is emptied at night. This takes a while. More."
    assert around(text, "This takes", LINE_CHARACTERS) == (
        "Nothing of it. The cache holds keys. It is emptied at night. This takes a while. …"
    ).replace("Nothing of it. ", "… ")


def test_where_all_that_is_meant_does_not_fit_it_begins_where_nothing_is_referred_to() -> None:
    text = f"{'Wait, then ' * 40}run this:\n\n{CODE}\n\nThis is bad. This has a use:\n- one"
    expected = f"…\n\n{CODE}\n\nThis is bad. This has a use:\n- one"
    assert around(text, "- one", LINE_CHARACTERS) == expected


def test_code_takes_along_what_announces_it() -> None:
    text = f"{'Before it. ' * 60}Run this:\n\n{CODE}\n\nAfter."
    assert around(text, "```py", 10, 500).startswith(f"… Run this:\n\n{CODE}")


# What a phone shows.


def test_a_line_that_is_begun_takes_as_much_room_as_a_whole_one_and_a_link_as_its_label() -> None:
    assert room("") == room("One.") == room("a" * LINE_CHARACTERS) == LINE_CHARACTERS
    assert room("a" * LINE_CHARACTERS + "b") == room("One.\nTwo.") == 2 * LINE_CHARACTERS
    assert room(f"[One](https://a.org/{'a' * 100}).") == LINE_CHARACTERS


def test_an_excerpt_of_short_lines_takes_no_more_room_than_one_of_long_lines() -> None:
    text = "\n".join(f"- item {number}" for number in range(100))
    body, _ = excerpt(text, 300, None)
    assert body == "\n".join([*text.split("\n")[: 300 // LINE_CHARACTERS], "…"])


# What of what fits is shown.


def sentence(number: int, characters: int = 2 * LINE_CHARACTERS) -> str:
    """A sentence of so many characters."""
    return f"{number} {'x' * (characters - 3)}."


def test_a_text_is_shown_from_its_opening_where_what_answers_fits_behind_it() -> None:
    one, two, three, four = map(sentence, range(1, 5))
    body = around(f"{one} {two} {three} {four}", three, 7 * LINE_CHARACTERS)
    assert body == f"{one} {two} {three} …"


def test_the_opening_stands_above_what_answers_further_below() -> None:
    one, two, three, four, five, six = map(sentence, range(1, 7))
    text = f"{one} {two} {three} {four} {five} {six}"
    assert around(text, four, 7 * LINE_CHARACTERS) == f"{one} … {four} {five} …"
    apart = f"{one} {two}\n\n{three} {four} {five} {six}"
    assert around(apart, four, 7 * LINE_CHARACTERS) == f"{one}\n\n… {four} {five} …"


def test_no_opening_takes_the_room_of_what_answers_nor_is_one_that_says_nothing() -> None:
    one, two, three = map(sentence, range(1, 4))
    answer = sentence(4, 5 * LINE_CHARACTERS)
    assert around(f"{one} {two} {three} {answer}", answer, 6 * LINE_CHARACTERS) == f"… {answer}"
    listed = f"Some things:\n- {one}\n- {two}\n\n{three} {answer}"
    assert around(listed, answer, 8 * LINE_CHARACTERS) == f"… {three} {answer}"


def test_an_opening_that_answers_is_shown_without_a_gap() -> None:
    one, two, three = map(sentence, range(1, 4))
    assert around(f"{one} {two} {three}", one, 5 * LINE_CHARACTERS) == f"{one} {two} …"


def test_what_explains_code_is_shown_below_it() -> None:
    further = sentence(2, 6 * LINE_CHARACTERS)
    text = f"- {sentence(1, 300)}\n\nRun:\n\n{CODE}\n\nThen so. More is said.\n\n{further}"
    shown = f"… Run:\n\n{CODE}\n\nThen so. More is said. …"
    assert around(text, "More is", 9 * LINE_CHARACTERS) == shown


def test_what_follows_in_the_same_paragraph_comes_before_what_is_before_it() -> None:
    one, two, three, four = map(sentence, range(1, 5))
    text = f"- {sentence(0, 300)}\n\n{one} {two} {three} {four}"
    assert around(text, three, 7 * LINE_CHARACTERS) == f"… {two} {three} {four}"


def test_a_whole_paragraph_is_rather_shown_than_the_ends_of_two() -> None:
    one, two, three, four = map(sentence, range(1, 5))
    text = f"{one} {two}\n\n{three}\n\n{four} {sentence(5)} {sentence(6)}"
    assert around(text, three, 8 * LINE_CHARACTERS) == f"{one} {two}\n\n{three} …"


def test_what_refers_to_what_does_not_fit_is_rather_shown_than_nothing() -> None:
    text = f"{sentence(1, 200)}\n\nIt takes 0.3 mm.\n\nThe space has some of 0.2 mm."
    shown = "… It takes 0.3 mm.\n\nThe space has some of 0.2 mm."
    assert around(text, "The space", 6 * LINE_CHARACTERS) == shown


def test_a_list_begins_with_its_first_item_and_what_stands_above_it_where_that_fits() -> None:
    items = "\n".join(f"{number}. item {number}" for number in range(1, 30))
    text = f"- Above it.\n\n{sentence(1, 200)}\n\nDo so:\n\n{items}"
    lines = ["Do so:", "", *items.split("\n")]
    whole = around(text, "4. item", 9 * LINE_CHARACTERS)
    assert whole == "\n".join(["… Do so:", *lines[1:9], "…"])
    assert around(text, "2. item", 4 * LINE_CHARACTERS) == "\n".join(["…", *lines[2:6], "…"])
    assert around(text, "3. item", 4 * LINE_CHARACTERS) == "\n".join(["…", *lines[4:8], "…"])
    below = around(text, "20. item", 4 * LINE_CHARACTERS)
    assert below == "\n".join(["…", *lines[21:25], "…"])


def test_a_list_of_which_one_line_is_left_is_whole_instead_of_saying_so() -> None:
    text = "\n".join(f"- item {number}" for number in range(5))
    assert around(text, "- item 4", 4 * LINE_CHARACTERS) == text


def test_no_excerpt_begins_or_ends_with_a_picture_unless_it_is_whole() -> None:
    picture = "![A picture](./a.png)"
    text = f"{picture}\n\nOne is said here.\n\n{picture}\n\n{sentence(1, 200)}"
    assert around(text, "One", 6 * LINE_CHARACTERS) == "… One is said here. …"
    assert around(text, "One", 20 * LINE_CHARACTERS) == text


def test_neither_the_line_below_the_head_of_a_table_nor_padding_takes_room() -> None:
    table = f"| a{' ' * 50} | b |\n| {'-' * 50} | --- |\n| x{' ' * 50} | 1 |"
    assert room(table) == 2 * LINE_CHARACTERS


def test_the_marks_of_code_take_one_line_together() -> None:
    assert room("```py\nprint()\n```") == 2 * LINE_CHARACTERS
    assert room("1. Run it:\n    ```\n    print()\n    ```") == 3 * LINE_CHARACTERS

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.excerpt import (
    CODE_CHARACTERS,
    LINE_CHARACTERS,
    MOST_LINES,
    WHOLE_LINES,
    excerpt,
    room,
)
from indexer.text.sentences import sentences

PROSE = st.lists(
    st.text(alphabet="abc ", min_size=1, max_size=80).map(lambda text: f"A{text.strip()}."),
    min_size=1,
    max_size=12,
).map(" ".join)


@given(PROSE, st.integers(min_value=3, max_value=16), st.data())
def test_an_excerpt_keeps_its_deciding_sentence(text: str, limit: int, data: st.DataObject) -> None:
    deciding = data.draw(st.sampled_from(sentences(text)))
    body, cut = excerpt(text, limit, deciding)
    sentence = text[slice(*deciding)]
    # Signs where something was left out, and two parts that each begin a line.
    assert room(body) <= max(limit, min(room(sentence), MOST_LINES)) + 2
    if room(sentence) <= limit:
        assert f"**{sentence}**" in body
    assert cut == ("…" in body)


def test_a_text_that_fits_is_shown_whole() -> None:
    assert excerpt("One. Two. Three.", 4, (5, 9)) == ("One. **Two.** Three.", False)


def test_omissions_are_marked_on_both_sides() -> None:
    one, two, three = map(sentence, range(1, 4))
    shown = (f"… **{two}** …", True)
    assert excerpt(f"{one} {two} {three}", 2, (len(one) + 1, len(one) + 1 + len(two))) == shown


def test_a_short_table_is_whole() -> None:
    table = "| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |"
    text = f"{'Before it. ' * 20}\n\n{table}\n\n{'After it. ' * 20}"
    row = text.index("| y | 2 |")
    assert excerpt(text, 3, (row, row + 9)) == (f"…\n{table}\n…", True)


def test_a_long_table_keeps_its_answering_rows() -> None:
    rows = [f"| {number} | {'x' * 20} |" for number in range(10)]
    text = "\n".join(["Prices:", "", "| a | b |", "|---|---|", *rows])
    head = "…\n| a | b |\n|---|---|\n| … |\n"
    assert around(text, "| 5 |", 5) == head + "\n".join(rows[5:8]) + "\n…"
    assert around(text, "| 0 |", 7).startswith(text[: text.index("| 1 |")])
    assert around(text, "Prices:", 5).startswith(text[: text.index("| 1 |")])


def test_an_overlong_answering_sentence_is_whole() -> None:
    text = f"{sentence(1)} {sentence(2, 9)} {sentence(3)}"
    assert around(text, sentence(2, 9), 4) == f"… {sentence(2, 9)} …"


def test_a_screen_long_sentence_is_cut_cleanly() -> None:
    text = "word " * 200
    body, cut = excerpt(text, 2, (0, 999))
    assert cut
    assert len(body) <= MOST_LINES * LINE_CHARACTERS
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
    assert excerpt(text, 9, deciding)[0] == shown_as


# What is never cut.


def around(text: str, answering: str, limit: int = 3) -> str:
    """An excerpt around the sentence, item, row or code that begins so."""
    start = text.index(answering)
    deciding = next(span for span in sentences(text) if span[0] <= start < span[1])
    return excerpt(text, limit, deciding)[0].replace("**", "")


CODE = "```py\nfor number in range(10):\n    print(number)\n```"


def test_code_omissions_have_their_own_mark() -> None:
    text = f"{'Before it. ' * 20}\n\n{CODE}\n\n{'After it. ' * 20}"
    assert around(text, "```py") == f"…\n{CODE}\n…"


def test_each_answering_sentence_is_in_bold() -> None:
    text = "One.\n\n- Two. Three.\n- Four."
    span = (text.index("Two"), text.index("Four") + 5)
    assert excerpt(text, 9, span) == ("One.\n\n- **Two.** **Three.**\n- **Four.**", False)


def test_an_answer_below_is_shown() -> None:
    text = "\n\n".join(map(sentence, range(30)))
    answer = text.index(sentence(20)), text.index(sentence(20)) + len(sentence(20))
    own = 0, text.index(sentence(10))
    assert f"**{sentence(20)}**" in excerpt(text, 9, answer, own)[0]


def test_code_is_never_in_bold() -> None:
    assert excerpt(f"Text.\n\n{CODE}", 9, (7, 7 + len(CODE)))[0] == f"Text.\n\n{CODE}"


def test_long_code_is_closed_between_lines() -> None:
    lines = [f"print({number})" for number in range(300)]
    text = "\n".join(["Run this:", "", "```py", *lines, "```", "", "After it."])
    for answering in ("Run", "```py"):
        body = around(text, answering, 12)
        assert body.endswith("\n```\n…")
        announced, _, opening, *kept, closing = body.removesuffix("\n…").split("\n")
        assert (announced, opening, closing) == ("Run this:", "```py", "```")
        assert kept == lines[: len(kept)]
        assert room(body) == 12 + 1


def test_cut_code_does_not_end_with_an_opened_block() -> None:
    loops = "\n".join(f"for n in range({number}):\n    print(n)" for number in range(30))
    text = f"Run this:\n\n```py\n{loops}\n```\n\n{sentence(1)}"
    for limit in range(8, 14):
        *_, last, _, _ = around(text, "Run", limit).split("\n")
        assert last == "    print(n)"


def test_code_in_an_item_stays_indented() -> None:
    code = "\n".join(f"   print({number})" for number in range(30))
    text = f"1. Run this:\n\n   ```py\n{code}\n   ```\n2. End."
    assert around(text, "1. Run", 8).endswith("\n   print(4)\n   ```\n…")


def test_an_excerpt_inside_code_opens_it() -> None:
    lines = [f"print({number})" for number in range(30)]
    text = "\n".join(["```py", *lines, "```", "This prints."])
    kept = "\n".join(lines[-4:])
    assert around(text, "This", 6) == f"…\n```py\n{kept}\n```\nThis prints."


def test_a_long_table_keeps_its_top() -> None:
    rows = [f"| {number} | {'x' * 20} |" for number in range(100)]
    text = "\n".join(["| a | b |", "|---|---|", *rows])
    body = around(text, "| 40 |", 8)
    kept = body.removesuffix("\n…").removeprefix("| a | b |\n|---|---|\n| … |\n")
    assert kept.split("\n") == rows[40:46]


LIST = """\
Two things matter.

- The first one, which is long. It has two sentences.

  It has a second paragraph, too.
- The second one."""


def test_a_short_item_is_whole() -> None:
    item, last = LIST.partition("\n\n")[2].rsplit("\n", 1)
    assert room(item) == WHOLE_LINES
    assert around(LIST, "It has two", WHOLE_LINES) == f"…\n{item}\n…"
    assert around(LIST, last, 1) == f"…\n{last}"


def test_a_long_item_is_cut_between_sentences() -> None:
    said = [f"Sentence {number} of it." for number in range(100)]
    text = f"- {' '.join(said)}\n- Another."
    body = around(text, "Sentence 50", 8)
    assert "Sentence 50 of it." in body
    assert body.removeprefix("… ").removesuffix(" …") in text
    assert 7 <= room(body) <= 9


# What says nothing alone.


@pytest.mark.parametrize("announcing", ["Run this:", "**Examples**", "Examples", "For example:"])
def test_no_excerpt_ends_with_what_announces_what_follows(announcing: str) -> None:
    text = f"It is easy.\n\n{announcing}\n\n{CODE}\n\nThat is all."
    assert around(text, "It is easy", 2) == "It is easy. …"
    assert around(text, announcing, 5).endswith(f"{announcing.strip('*')}\n\n{CODE}\n…")


def test_a_useless_announcement_is_left_out() -> None:
    assert excerpt("It is easy. Examples:", 9, None) == ("It is easy. …", True)


def test_a_referring_sentence_takes_its_reference_along() -> None:
    text = f"{sentence(1)} The cache is here. It is emptied. This takes a while. {sentence(2)}"
    shown = "… The cache is here. It is emptied. This takes a while. …"
    assert around(text, "This takes", 3) == shown


def test_a_long_reference_is_shown_in_part() -> None:
    text = f"{sentence(1, 9)} It is one. It is two. This has a use:\n- one"
    assert around(text, "- one", 3) == "… It is one. It is two. This has a use:\n- one"


def test_an_explanation_takes_its_code_along() -> None:
    before = f"{sentence(1, 9)}\n\nRun this:\n\n{CODE}"
    shown = f"… Run this:\n\n{CODE}\n\nThen it prints. …"
    assert around(f"{before}\n\nThen it prints. {sentence(2, 9)}", "Then", 6) == shown


def test_an_example_takes_along_what_it_is_of() -> None:
    text = f"{sentence(1, 9)} Pass a number.\n\nExample usage:\n\n{CODE}\n\n{sentence(2)}"
    assert around(text, "Example", 6) == f"… Pass a number.\n\nExample usage:\n\n{CODE}\n…"


def test_code_takes_along_what_announces_it() -> None:
    text = f"{'Before it. ' * 60}Run this:\n\n{CODE}\n\nAfter."
    assert around(text, "```py", 5).endswith(f"Run this:\n\n{CODE}\n…")


# What a phone shows.


def test_lines_end_between_words_and_links_are_labels() -> None:
    assert room("One.") == room("a" * LINE_CHARACTERS) == 1
    assert room("a" * LINE_CHARACTERS + "b") == room("One.\nTwo.") == 2
    assert room(f"{'a' * (LINE_CHARACTERS - 2)} bb") == 2
    assert room(f"[One](https://a.org/{'a' * 100}).") == 1
    assert room(f"**{'a' * LINE_CHARACTERS}**") == 1


def test_short_lines_take_their_room() -> None:
    text = "\n".join(f"- item {number}" for number in range(100))
    body, _ = excerpt(text, 11, None)
    assert body == "\n".join([*text.split("\n")[:11], "…"])


def test_two_blank_lines_count_as_one_line() -> None:
    assert room("One.\n\nTwo.") == 2
    assert room("One.\n\nTwo.\n\nThree.") == 4


def test_table_rules_and_padding_take_no_room() -> None:
    table = f"| a{' ' * 50} | b |\n| {'-' * 50} | --- |\n| x{' ' * 50} | 1 |"
    assert room(table) == 2


def test_code_marks_take_half_a_line_more() -> None:
    code = "```py\nprint()\n```"
    assert room(code) == 2
    assert room(f"{code}\n{code}") == 5
    assert room("1. Run it:\n    ```\n    print()\n    ```") == 3
    assert room(f"```\n{'a ' * (CODE_CHARACTERS // 2)}b\n\nc\n```") == 5


# What of what fits is shown.


def sentence(number: int, lines: int = 2) -> str:
    """A sentence of so many full lines."""
    return " ".join([f"{number:09}", *["x" * 9] * (3 * lines - 1)]) + "."


def test_later_text_is_preferred_to_earlier() -> None:
    one, two, three, four = map(sentence, range(1, 5))
    assert around(f"{one}\n\n{two}\n\n{three}\n\n{four}", three, 5) == f"… {three}\n\n{four}"
    text = f"{one}\n\n{two}\n\n{three}\n\n{four}\n\n{sentence(5)}"
    assert around(text, three, 7).startswith(f"… {three}\n\n{four}")


def test_a_fitting_paragraph_starts_at_its_top() -> None:
    one, two, three, four = map(sentence, range(1, 5))
    text = f"{sentence(0, 9)}\n\n{one} {two} {three} {four}"
    assert around(text, three, 7) == f"… {one} {two} {three} …"
    assert around(text, three, 5) == f"… {three} {four}"


def test_the_opening_stands_above_if_it_fits() -> None:
    one, two, three = map(sentence, range(1, 4))
    text = f"{one} {sentence(9, 6)}\n\n{two} {three}"
    assert around(text, three, 7) == f"{one}\n\n… {two} {three}"
    assert around(text, three, 5) == f"… {two} {three}"
    listed = f"- {one}\n- {sentence(9, 6)}\n\n{two} {three}"
    assert around(listed, three, 7) == f"… {two} {three}"


def test_an_answering_opening_has_no_gap() -> None:
    one, two, three = map(sentence, range(1, 4))
    assert around(f"{one} {two} {three}", one, 4) == f"{one} {two} …"


def test_a_list_starts_with_its_first_item() -> None:
    items = "\n".join(f"{number}. item {number}" for number in range(1, 30))
    text = f"- Above it.\n\n{sentence(1, 9)}\n\nDo so:\n{items}"
    lines = ["Do so:", *items.split("\n")]
    assert around(text, "4. item", 8) == "\n".join(["… Do so:", *lines[1:8], "…"])
    assert around(text, "4. item", 4) == "\n".join(["…", *lines[1:5], "…"])
    below = around(text, "20. item", 4)
    assert below == "\n".join(["…", *lines[20:24], "…"])


def test_a_single_line_needs_no_omission_mark() -> None:
    text = "\n".join(f"- item {number}" for number in range(5))
    assert around(text, "- item 4", 4) == text


def test_pictures_at_the_edges_are_whole() -> None:
    picture = "![A picture](./a.png)"
    text = f"{picture}\n\nOne is said here.\n\n{picture}\n\n{sentence(1, 7)}"
    assert around(text, "One", 4) == "… One is said here. …"
    assert around(text.replace("![A picture]", "[]"), "One", 4) == "… One is said here. …"
    assert around(text, "One", 20) == text


def test_another_likely_sentence_beats_its_surroundings() -> None:
    said = [sentence(number) for number in range(1, 10)]
    text = " ".join(said)
    shown, _ = excerpt(text, 6, (0, len(said[0])), also=[text.index(said[7])])
    assert shown.startswith(f"**{said[0]}**")
    assert said[7] in shown
    assert said[6] not in shown.split("…", 1)[0]
    assert room(shown) <= 6 + 1


def test_no_step_between_two_others_is_left_out() -> None:
    steps = [f"{number}. Press the {'very ' * 9}red key number {number}." for number in range(1, 8)]
    text = "\n".join(["Do this:", "", *steps])
    places = [text.index(step) for step in steps]
    body, _ = excerpt(text, 9, (places[4], places[4] + len(steps[4])), also=(0, places[6]))
    shown = [number for number in range(1, 8) if f"\n{number}." in body]
    assert shown == [*range(shown[0], shown[-1] + 1)]
    assert 5 in shown


def test_unlikely_sentences_are_not_bold() -> None:
    assert excerpt("One. Two.", 4, (5, 9), is_bold=False) == ("One. Two.", False)


@pytest.mark.parametrize(
    "warning",
    [
        "This way is deprecated.",
        "It no longer works.",
        "This applies only to Windows.",
        "Dieser Weg ist veraltet.",
    ],
)
def test_warnings_about_the_text_are_never_cut(warning: str) -> None:
    text = f"{sentence(1)} {warning} {sentence(2, 9)}\n\n{sentence(3)} {sentence(4, 9)}"
    assert warning in around(text, sentence(3), 6)


def test_text_after_cut_code_begins_a_line() -> None:
    code = "\n".join(f"print({number})" for number in range(30))
    text = f"Run this:\n\n```py\n{code}\n```\n\n{sentence(1)} {sentence(2)}"
    shown, _ = excerpt(text, 8, (0, 9), also=[text.index(sentence(2))])
    assert "```\n" in shown
    assert "``` …" not in shown


# What stands around a passage.


def in_section(before: str, text: str, after: str, limit: int) -> str:
    """An excerpt of a passage in its section, around its last sentence."""
    begin, end = len(before), len(before) + len(text)
    last = sentences(text)[-1]
    span = (begin + last[0], begin + last[1])
    return excerpt(before + text + after, limit, span, (begin, end))[0].replace("**", "")


def test_spare_room_shows_the_section() -> None:
    one, two, three, four = map(sentence, range(1, 5))
    assert in_section(f"{one}\n", two, f"\n{three}", 4) == f"{two}\n{three}"
    assert in_section(f"{one}\n", two, f"\n{three}", 6) == f"{one}\n{two}\n{three}"
    assert in_section(f"{one}\n", two, f"\n{three} {four}", 4) == f"{two}\n{three} …"


def test_printed_errors_yield_to_the_remedy() -> None:
    error, remedy = f"```\n{sentence(3, 9)}\n```", sentence(2)
    text = f"{error}\nThis is about money. {remedy}"
    asked = len(error) + 1, len(error) + 21
    own = 0, asked[1]
    cut, _ = excerpt(text, 5, asked, own, is_bold=False, repeated=[(0, len(error))])
    assert cut == f"… This is about money. {remedy}"
    whole, _ = excerpt(text, MOST_LINES * 2, asked, own, is_bold=False, repeated=[(0, len(error))])
    assert whole == text


def test_a_referring_passage_begins_with_its_reference() -> None:
    one, two = sentence(1), sentence(2)
    assert in_section(f"{one} Nectar is thin.\n", "This is why.", f"\n{two}", 4) == (
        f"Nectar is thin.\nThis is why.\n{two}"
    )


def test_an_announcing_passage_continues() -> None:
    assert in_section("", f"{sentence(1)} Run this:", f"\n{CODE}\nMore. {sentence(2, 9)}", 7) == (
        f"{sentence(1)} Run this:\n{CODE}\nMore. …"
    )


def test_rows_keep_their_tables_head() -> None:
    head, rows = "| Jar | Has |\n|---|---|", [f"| {n} | {'x' * 20} |" for n in range(20)]
    before, text = "\n".join([head, *rows[:15], ""]), "\n".join(rows[15:])
    shown = "\n".join([head, "| … |", *rows[14:]])
    assert in_section(before, text, "", 8) == shown


def test_two_parts_of_a_table_share_its_head() -> None:
    rows = [f"| {number} | tree |" for number in range(9)]
    text = "\n".join(["The trees.", "", "| Jar | Has |", "|---|---|", *rows])
    shown, _ = excerpt(text, 8, (0, 10), also=[text.index(rows[8])], is_bold=False)
    assert shown.count("| Jar | Has |") == 1
    assert "\n| … |\n" in shown
    assert shown.endswith(rows[8])


REFERENCE = """`random()`

Return a floating point number.

`randint(a, b)`

Return an integer. It is such that a <= N <= b. Both ends are included.

`choice(seq)`

Return an element. It needs one element at least, or else it raises an error. The rest stays."""


@pytest.mark.parametrize(
    ("lines", "asked", "also", "shown"),
    [
        (
            3,
            "Both ends",
            "",
            "… `randint(a, b)`\n\n… It is such that a <= N <= b. Both ends are included. …",
        ),
        (3, "The rest", "", "… `choice(seq)`\n\n… The rest stays."),
        (
            8,
            "The rest",
            "Both ends",
            "… `randint(a, b)`\n\nReturn an integer. It is such that a <= N <= b. Both ends are "
            "included.\n\n`choice(seq)`\n\n… The rest stays.",
        ),
    ],
)
def test_text_of_an_entry_is_shown_below_its_signature(
    lines: int, asked: str, also: str, shown: str
) -> None:
    deciding = REFERENCE.index(asked), REFERENCE.index(asked) + len(asked)
    places = [REFERENCE.index(also)] if also else []
    cut, _ = excerpt(REFERENCE, lines, deciding, also=places, is_bold=False)
    assert cut == shown


def test_a_list_of_commands_is_no_reference() -> None:
    text = "- `start`\n- `stop`\n- `restart`\n- `status`\n\nThe server says no more than that."
    cut, _ = excerpt(text, 3, (0, 9), is_bold=False)
    assert cut == "- `start`\n- `stop`\n- `restart`\n…"


# Scripts without blanks.

CHINESE = [
    "服务器每天晚上四点备份世界。",
    "每日存档保留七份，每周存档保留四份。",
    "管理员不会恢复单个玩家的物品，只会在世界损坏时恢复整个世界！",
    "想要下载旧世界的人请看公告频道里的链接。",
]
JAPANESE = [
    "サーバーは毎晩四時にバックアップを取ります。",
    "管理者は「個人の持ち物は戻しません。」と説明しています。",
    "古いワールドはお知らせのリンクからダウンロードできます。",
]


@pytest.mark.parametrize("written", [CHINESE, JAPANESE])
@pytest.mark.parametrize("lines", [1, 3, 5])
def test_text_without_blanks_is_cut_between_sentences(written: list[str], lines: int) -> None:
    text = "".join(written)
    for sentence in written:
        start = text.index(sentence)
        shown, _ = excerpt(text, lines, (start, start + len(sentence)))
        kept = shown.replace("**", "").replace("…", "").split()
        assert sentence in "".join(kept)
        assert all(part in text for part in kept)
        assert all(part.endswith(("。", "！")) for part in kept)


def test_a_sentence_without_blanks_is_cut_at_clauses() -> None:
    text = "管理员不会恢复单个玩家的物品，" * 60
    shown, cut = excerpt(text, 4, (0, len(text)))
    assert cut
    assert shown.endswith("，…")
    assert room(shown) <= MOST_LINES

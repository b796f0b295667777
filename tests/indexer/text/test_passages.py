import itertools
import re
import time
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from indexer.text.passages import (
    CHARACTERS_A_TOKEN,
    CHUNK_CHARACTERS,
    CHUNK_LINES,
    CODE_CHARACTERS,
    HEADING_CHARACTERS,
    REMAINDER_CHARACTERS,
    Passage,
    _chunks,
    _headings,
    cut_passages,
    digest,
    passages,
    sections,
    without_link_targets,
)
from indexer.text.sentences import WHOLE_WORDS
from knowledge.values.documents import SHARED, Document, Kind
from tests.indexer.text.markdown_texts import markdown
from tests.pumped_texts import FRAGMENTS, pumped


def _count(text: str) -> int:
    return len(text.split())


def _document(text: str, title: str = "Title") -> Document:
    return Document("file:x", SHARED, Kind.FILE, title, text)


def _cut(text: str, max_tokens: int = 60, title: str = "Title") -> list[Passage]:
    return passages(_document(text, title), _count, max_tokens)


# Passages.


@given(st.text(alphabet="#=-> \tab\n`", max_size=40), st.text(alphabet="#=- \ta", max_size=8))
def test_headings_are_those_of_commonmark(text: str, line: str) -> None:
    text = f"{text}\n{line}\n\nend"
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    is_heading = any(token.type == "heading_open" and token.level == 0 for token in tokens)
    bodies = [body for _, body in sections(text)]
    assert (bodies != [text.strip("\n").rstrip()]) == is_heading


@pytest.mark.parametrize("text", ["", " \n\n ", "# Title", "# A\n\n## B\n\n### C\n"])
def test_a_document_without_a_text_gives_no_passage(text: str) -> None:
    assert _cut(text) == []


def test_no_passage_crosses_a_heading() -> None:
    cut = _cut("Zero.\n\n# One\nFirst.\n\n## Two\nSecond.\n\n# Three\nThird.")
    assert [(passage.heading, passage.text) for passage in cut] == [
        ("", "Zero."),
        ("One", "First."),
        ("One › Two", "Second."),
        ("Three", "Third."),
    ]


def test_a_heading_ends_the_paths_below_it() -> None:
    paths = [path for path, _ in sections("# A\n\n### B\nx\n\n## C\ny\n\n### D\nz\n\n# E\nw")]
    assert paths == ["A › B", "A › C", "A › C › D", "E"]


def test_underlined_headings_are_headings() -> None:
    assert list(sections("One\n===\n\nx\n\nTwo\n---\n\ny")) == [("One", "x"), ("One › Two", "y")]


def test_wordings_are_embedded_and_change_no_cut() -> None:
    text = "\n\n".join(f"Sentence {number} says something more." for number in range(60))
    plain, worded = _document(text), replace(_document(text), wordings=("a mate", "a pal"))
    before, after = (passages(one, _count, 60) for one in (plain, worded))
    assert [one.text for one in after] == [one.text for one in before]
    for one in after:
        assert one.embedded.endswith(f"{one.text}\na mate\na pal")
        assert one.windows[-2:] == ("a mate", "a pal")


def test_title_is_not_repeated_in_the_path() -> None:
    assert list(sections("# My Guide\n\n## Start\n\nx", "my guide")) == [("Start", "x")]
    assert list(sections("## My Guide\n\n### Start\n\nx", "my guide")) == [("Start", "x")]
    assert list(sections("# Games\n\n## Chess\n\nx", "chess")) == [("Games › Chess", "x")]


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n# no heading\nls\n```",
        "~~~\n# no heading\n~~~",
        "    # indented code",
        "> # quoted",
        "- # in a list",
        "#hashtag",
        "####### seven",
    ],
)
def test_text_that_looks_like_a_heading_is_text(text: str) -> None:
    assert [path for path, _ in sections(text)] == [""]


@given(markdown, st.integers(min_value=24, max_value=200))
def test_every_passage_fits_what_the_model_reads(text: str, max_tokens: int) -> None:
    for passage in _cut(text, max_tokens):
        # A short end below code stays with it, even if it is too much.
        ends = [match.end() for match in re.finditer("```", passage.text)]
        short = [end for end in ends if len(passage.text[end:].strip()) < REMAINDER_CHARACTERS]
        wholes = [replace(passage, text=passage.text[:end]) for end in short]
        assert min(_count(whole.embedded) for whole in (passage, *wholes)) <= max_tokens - 2


@given(markdown, st.integers(min_value=24, max_value=200))
def test_pieces_joined_are_the_text_without_headings(text: str, max_tokens: int) -> None:
    bodies = "".join(body for _, body in sections(text, "Title"))
    joined = "".join(passage.text for passage in _cut(text, max_tokens))
    assert "".join(joined.split()) == "".join(bodies.split())


@given(markdown)
def test_positions_count_up_from_nought(text: str) -> None:
    cut = _cut(text)
    assert [passage.position for passage in cut] == list(range(len(cut)))


@given(markdown)
def test_cutting_again_gives_the_same(text: str) -> None:
    assert _cut(text) == _cut(text)


def test_long_title_leaves_room_for_the_text() -> None:
    [passage] = _cut("Short text.", max_tokens=40, title="word " * 200)
    assert passage.text == "Short text."
    assert 0 < _count(passage.title) <= 5


def test_a_section_that_fits_is_one_passage_to_the_letter() -> None:
    text = "- one\n  - two\n\n\n| a |\n|---|\n| 1 |\n\n```\ncode\n\n\nmore\n```"
    [passage] = _cut(text)
    assert passage.text == text


def test_a_table_that_fits_is_kept_whole_between_long_paragraphs() -> None:
    table = "| Feature | Open |\n|---|---|\n| Cost | low |\n| Support | community |"
    text = f"{'Before it. ' * 30}\n\n{table}\n\n{'After it. ' * 30}"
    assert sum(table in passage.text for passage in _cut(text)) == 1


def test_a_long_word_without_blanks_is_still_cut() -> None:
    def characters(text: str) -> int:
        return len(text)

    cut = passages(_document("x" * 1_000, "T"), characters, 100)
    assert max(len(passage.text) for passage in cut) <= 97
    assert "".join(passage.text for passage in cut) == "x" * 1_000


def test_link_addresses_are_quoted_but_not_embedded() -> None:
    [passage] = _cut('See [the licence](https://example.org/a "hint") and ![a cat](cat.png).')
    assert "https://example.org/a" in passage.text
    assert passage.embedded == "Title\nSee the licence and a cat."


def test_a_heading_is_embedded_with_its_text() -> None:
    [passage] = _cut("## Archiving\n\nThreads close.", title="Threads")
    assert passage.embedded == "Threads\nArchiving\nThreads close."


def test_equal_words_have_one_digest_and_others_another() -> None:
    assert digest("a b") == digest("a b")
    assert digest("a b") != digest("a  b")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("[a](b)", "a"),
        ("![a](b)", "a"),
        ("[a](<b c>)", "a"),
        ("[a] (b)", "[a] (b)"),
        ("array[0](x)", "array0"),
        ("no link", "no link"),
    ],
)
def test_only_links_lose_their_addresses(text: str, plain: str) -> None:
    assert without_link_targets(text) == plain


# Windows.


def test_a_short_passage_has_itself_as_only_window() -> None:
    [passage] = _cut("Short. Very short.")
    assert passage.windows == (passage.embedded,)


def test_windows_overlap_by_half_behind_the_titles() -> None:
    text = " ".join(f"Sentence number {n} has exactly seven words." for n in range(40))
    [passage] = _cut(f"## H\n\n{text}", max_tokens=2_000)
    assert _count(passage.text) > WHOLE_WORDS
    windows = passage.windows
    assert all(window.startswith("Title\nH\n") for window in windows)
    assert all(43 <= _count(window) - 2 <= 50 for window in windows[:-1])
    first = [set(re.findall(r"number (\d+)", window)) for window in windows]
    shared = [len(a & b) for a, b in itertools.pairwise(first)]
    assert set(shared) <= {3, 4}


def test_a_list_and_its_announcement_are_in_one_passage() -> None:
    items = "\n".join(f"- item number {number} of the list" for number in range(6))
    document = f"{'Some words before. ' * 12}\n\nTwo asterisks mean:\n\n{items}\n\n{'After. ' * 30}"
    found = [passage.text for passage in _cut(document, max_tokens=60)]
    [announcing] = [text for text in found if "Two asterisks mean:" in text]
    assert "- item number 0" in announcing
    assert all(text in document for text in found)


CODE = "```py\n{}\n```"


def test_code_stays_with_its_introduction_in_a_passage() -> None:
    code = CODE.format("\n\n".join(f"print({number}, {number})" for number in range(60)))
    document = f"{'Some words before. ' * 30}\n\nRun this:\n\n{code}\n\n{'After. ' * 60}"
    [whole] = [text for text in (one.text for one in _cut(document)) if "```" in text]
    assert f"Run this:\n\n{code}" in whole


BEFORE, AFTER = "It rains a lot here. " * 15, "It is dry now. " * 25


@pytest.mark.parametrize(
    "lead",
    [
        "Open the file in the folder of the harbour and replace the third line of the second part",
        "The ropes in the loft of the harbour are dried by the oldest members, and this is how:",
    ],
)
@pytest.mark.parametrize(
    "block",
    [CODE.format("pull()"), "> Pull it.", "| a | b |\n|---|---|\n| 1 | 2 |", "- a rope\n- a sail"],
    ids=["code", "quotation", "table", "list"],
)
def test_a_lead_in_stays_with_what_it_introduces(lead: str, block: str) -> None:
    for count in range(1, 30):
        text = f"{'It rains. ' * count}\n\n{lead}\n\n{block}\n\n{AFTER}"
        cut = [one.text for one in _cut(text, max_tokens=40)]
        assert not any(text.endswith(lead) for text in cut)


@pytest.mark.parametrize("between", ["\n", "\n\n", "\n\n```\npull()\n```\n\n"])
def test_steps_are_one_passage_even_if_too_long(between: str) -> None:
    steps = between.join(f"{n}. Pull the rope until it is quite tight." for n in range(1, 14))
    assert _count(steps) > 60
    cut = [one.text for one in _cut(f"{BEFORE}\n\n{steps}\n\n{AFTER}")]
    assert sum(steps in text for text in cut) == 1


@example("\n\n".join([BEFORE.strip(), AFTER.strip(), "- a rope\n\n\n- a sail"]), 40)
@given(markdown, st.integers(min_value=24, max_value=200))
def test_a_section_is_put_together_from_its_passages(text: str, max_tokens: int) -> None:
    cut = itertools.groupby(_cut(text, max_tokens), lambda passage: passage.section)
    found = [(number, [*parts]) for number, parts in cut]
    assert [number for number, _ in found] == list(range(len(found)))
    joined = ["".join(part.separator + part.text for part in parts) for _, parts in found]
    assert joined == [body for _, body in sections(text, "Title")]


def test_equal_headings_are_sections_of_their_own() -> None:
    cut = _cut("# One\n\nFirst.\n\n# One\n\nSecond.")
    assert [(one.heading, one.section) for one in cut] == [("One", 0), ("One", 1)]


def test_contents_and_stubs_are_marked_in_passages() -> None:
    page = "- Hemp\n- Steel\n- Silk\n\n# Hemp\n\nOld.\n\n# Steel\n\nNew.\n\n# Silk\n\nThin."
    assert [passage.is_contents for passage in _cut(page)] == [True, False, False, False]
    assert [passage.is_contents for passage in _cut("All on ropes.", title="Ropes")] == [True]
    note = replace(_document("All on ropes.", "Ropes"), kind=Kind.NOTE)
    assert not any(passage.is_contents for passage in passages(note, _count, 60))


@pytest.mark.parametrize(
    "above",
    [
        "```\n" + "pull the lever\n" * 90 + "```",
        "\n".join(f"{number}. Pull the lever at the back." for number in range(60)),
        "pull the lever\n" * 60,
        "\n\n".join(["Pull the lever at the back of the room. " * 9] * 3),
    ],
)
@pytest.mark.parametrize("tokens", [60, 256])
def test_short_end_stays_with_the_piece_above(above: str, tokens: int) -> None:
    *_, last = _cut(f"Do this.\n\n{above}\n\nThen restart.", max_tokens=tokens)
    assert last.text.endswith("Then restart.")
    assert len(last.text) > REMAINDER_CHARACTERS


def test_code_with_a_short_last_part_stays_in_one_fence() -> None:
    code = "```\n" + "pull the lever\n" * 102 + "go\n```"
    assert [passage.text.count("```") % 2 for passage in _cut(f"Do this:\n\n{code}")] == [0]


def test_a_glossary_of_many_lines_has_passages_of_several_terms() -> None:
    terms = "".join(f"## Term {i}\n\nMeaning {i}.\n\n" for i in range(600))
    cut = _cut(f"# Glossary\n\n{terms}# End\n\nOf it.", max_tokens=200)
    assert 20 < len(cut) < 60
    assert cut[0].text.startswith("**Term 0**\nMeaning 0.\n\n**Term 1**")
    assert (cut[0].heading, cut[-1].heading, cut[-1].text) == ("Glossary", "End", "Of it.")
    few = _cut(terms[: terms.index("## Term 40")])
    assert [passage.heading for passage in few] == [f"Term {i}" for i in range(40)]


def test_a_reference_is_cut_between_its_entries() -> None:
    said = " ".join(["It holds for every file."] * 20)
    entries = [f"`option.{name} = 1`\n\n{said}" for name in "abc"]
    entries.append(f"`load(name)`\n\n`load(name, *, times)`\n\n{said}")
    short = ["`option.x`\n\nYes or no.", "`option.y`\n\nYes or no."]
    text = "\n\n".join(["# Options", "All of them.", *entries, *short])
    found = [passage.text for passage in _cut(text, 500)]
    assert found == ["All of them.", *entries, "\n\n".join(short)]
    assert len(_cut("\n\n".join(entries[:2]), 500)) == 1


def test_list_of_headings_is_no_empty_page() -> None:
    cut = _cut("".join(f"# Question {i}?\n" for i in range(600)), max_tokens=200)
    assert "**Question 599?**" in cut[-1].text


def test_long_code_is_cut_between_lines_and_closed() -> None:
    lines = [f"print({number}, {number})" for number in range(1_500)]
    cut = [one.text for one in _cut(f"Run this:\n\n{CODE.format(chr(10).join(lines))}\n\nDone.")]
    inside = [
        re.fullmatch(r"(?:Run this:\n\n)?```py\n(.*)\n```(?:\n\nDone\.)?", text, re.S)
        for text in cut
    ]
    assert len(cut) > 30
    assert [line for found in inside if found for line in found[1].split("\n")] == lines


def test_no_piece_of_code_is_a_bare_fence() -> None:
    line = " ".join(f"word{number}" for number in range(70))
    code = "\n".join(["```", *[line] * 9, "```", "", "Done."])
    assert all("word" in passage.text for passage in _cut(code))
    assert "```" not in _cut(f"{'It is cold. ' * 9}\n\n{code}")[0].text


HEAD = "| Name | What it does |\n| --- | --- |"


@pytest.mark.parametrize("words", [4, 30, 50])
def test_table_is_cut_between_rows(words: int) -> None:
    rows = [f"| row{n} | {'word ' * words}|" for n in range(70)]
    first, *rest = _cut(f"The settings:\n\n{HEAD}\n{chr(10).join(rows)}", max_tokens=60)
    assert first.text.startswith(f"The settings:\n\n{HEAD}\n{rows[0]}")
    assert rest
    told = [row for one in (first, *rest) for row in one.text.split("\n") if "row" in row]
    assert told == rows
    assert all(len(one.text) <= CODE_CHARACTERS for one in (first, *rest))


def test_row_too_long_to_quote_is_cut() -> None:
    found = _cut(f"{HEAD}\n| a | {'word ' * 1_000}|", max_tokens=60)
    assert len(found) > 3


def test_a_passage_ends_between_two_sentences_and_between_two_items() -> None:
    items = "\n".join(
        f"- This is item {n}, e.g. of a list. It has two sentences." for n in range(30)
    )
    prose = "There is more, cf. [inventory] for that. " * 30
    for piece in (one.text for one in _cut(f"{items}\n\n{prose}")):
        assert piece.endswith(("It has two sentences.", "for that."))
        assert piece.startswith(("- This", "There is"))


blocks = st.sampled_from(
    (
        "# One",
        "## Two",
        "text",
        "Under\n===",
        "Below\n---",
        "```\n# code\n\n# more\n```",
        "- item\n\n  # inside",
        "> # quoted",
        "<!-- a\n\n# hidden\n-->",
        "<div>\n# in HTML\n</div>",
        "| a | b |\n|---|---|\n| 1 | 2 |",
    )
)


# Only a block longer than four chunks is cut anywhere.
@example(["```\n# code\n\n# more\n```", "<div>\n# in HTML\n</div>"], 30)
@given(st.lists(blocks, max_size=25), st.integers(30, 300))
def test_the_size_of_chunks_changes_no_heading(found: list[str], most: int) -> None:
    text = "\n\n".join(found)
    lines = text.split("\n")

    whole = [one for one in _headings(text, lines, 10**9) if one is not None]

    assert [one for one in _headings(text, lines, most) if one is not None] == whole


@pytest.mark.parametrize("line", ["# a", "a\n=", "<!-- \n# a", "     ```\n# a"])
def test_a_text_of_headings_alone_is_parsed_in_bounded_steps(line: str) -> None:
    text = "\n".join([line] * 10_000)
    lines = text.split("\n")

    chunks = list(_chunks(lines, CHUNK_CHARACTERS))

    sizes = [sum(len(line) + 1 for line in lines[first:last]) for first, last in chunks]
    assert max(sizes) <= 4 * CHUNK_CHARACTERS + 10
    assert [first for first, _ in chunks[1:]] == [last for _, last in chunks[:-1]]
    assert chunks[-1][1] == len(lines)


def test_long_list_is_parsed_in_steps() -> None:
    items = ["- a"] * (3 * CHUNK_LINES)
    assert {last - first for first, last in _chunks(items, CHUNK_CHARACTERS)} == {CHUNK_LINES}
    code = ["```", *["# a"] * (3 * CHUNK_LINES), "```"]
    assert list(_chunks(code, CHUNK_CHARACTERS)) == [(0, len(code))]


def test_a_document_of_headings_alone_is_cut_in_several_steps() -> None:
    document = _document("\n".join(["# a"] * 20_000))

    steps = list(cut_passages(document, _count, 60))

    assert steps.count(None) >= 3


@pytest.mark.parametrize("written", ["## {}", "{}\n===", "## {} ##"])
def test_long_heading_is_shortened_into_the_text(written: str) -> None:
    words = [f"word{number}" for number in range(400)]
    cut = _cut(f"# Title\n\n{written.format(' '.join(words))}\n\nEnd.", max_tokens=4_000)
    assert [passage.heading.startswith("word0 word1 ") for passage in cut] == [True]
    assert len(cut[0].heading) <= HEADING_CHARACTERS
    said = cut[0].text.split()
    assert [word for word in said if word.startswith("word")] == words
    assert said[-1] == "End."


@pytest.mark.parametrize("line", ["| a " * 400_000, "a" * 2_000_000, "> " * 1_000_000])
def test_a_line_without_end_is_no_step_of_its_own(line: str) -> None:
    begun = time.thread_time()
    found = list(_headings(f"# One\n\n{line}\n\n# Two", ["# One", "", line, "", "# Two"]))
    assert [heading[3] for heading in found if heading is not None] == ["One", "Two"]
    assert time.thread_time() - begun < 0.5


def test_a_line_without_end_is_cut_and_not_dropped() -> None:
    line = " ".join(f"word{number}" for number in range(30_000))
    cut = _cut(line, max_tokens=100)
    assert " ".join(passage.text for passage in cut) == line


@pytest.mark.parametrize(
    "fragment", [*FRAGMENTS[::3], "~", "```\u27e8a\u27e9", "~~~\u27e8a\u27e9\nx\ny"]
)
def test_passages_are_bounded_and_together_hardly_longer_than_the_text(fragment: str) -> None:
    text = pumped(fragment, 40_000)
    sizes = [len(passage.text) for passage in _cut(text, max_tokens=256)]
    assert max(sizes, default=0) <= 256 * CHARACTERS_A_TOKEN + CODE_CHARACTERS
    assert sum(sizes) <= 1.2 * len(text)

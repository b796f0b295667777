"""Front matter: what of it is refused before it costs anything, and the sentences for it."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml import CLoader, Loader

from knowledge.files.formats.front_matter import MAX_MATTER_CHARACTERS, parsed_values
from knowledge.files.parsed_file import ParsedFile, UnreadableError
from knowledge.files.reader import parse_bytes


def test_an_alias_that_hides_behind_a_byte_order_mark_is_refused() -> None:
    """libyaml skips a U+FEFF where the parser in Python makes a word of it and of what follows."""
    lines = [f"- &a{n + 1}\n" + f"\ufeff*a{n}\n" for n in range(7)]
    matter = "a: &a0 [lol]\nb:\n" + "".join(lines)
    with pytest.raises(UnreadableError, match=r"byte-order mark \(U\+FEFF\) in line 5: take it"):
        parse_bytes(f"---\n{matter}---\nText.".encode(), name="a.md")


def test_front_matter_that_is_not_yaml_is_refused_with_its_line() -> None:
    content = b"---\ntitle: fine\nsummary: [1, 2\n  : : x]: y\n---\nText."
    with pytest.raises(UnreadableError, match="front matter that is not YAML in line 4"):
        parse_bytes(content, name="x")


def test_front_matter_with_an_impossible_date_is_refused() -> None:
    with pytest.raises(UnreadableError, match="impossible value: month must be in"):
        parse_bytes(b"---\nverified: 2026-13-01\n---\nText.", name="x")


@pytest.mark.parametrize(
    "value", ["!!bool x", "!!int ''", "!!float ''", "!!timestamp x", "0x" + "f" * 5_000]
)
@pytest.mark.parametrize("key", ["title: {}", "tags: [{}]"])
def test_front_matter_with_a_value_that_is_not_what_it_says_is_refused(
    key: str, value: str
) -> None:
    with pytest.raises(UnreadableError, match="front matter with an impossible value"):
        parse_bytes(f"---\n{key.format(value)}\n---\nText.".encode(), name="a.md")


@pytest.mark.parametrize("block", ["just words", "- a\n- b", "42", "![a](b.png)"])
def test_a_block_between_rules_that_has_no_keys_is_text(block: str) -> None:
    reading = parse_bytes(f"---\n{block}\n\n---\nText.".encode(), name="x")
    assert reading.text == f"\n{block}\n\n\nText."


def test_front_matter_with_nothing_after_it_is_refused() -> None:
    with pytest.raises(UnreadableError, match="front matter and nothing after it"):
        parse_bytes(b"---\ntitle: A\n---\n\n  \n", name="x")


def test_front_matter_that_grows_when_it_is_written_out_is_refused() -> None:
    """Nine levels of nine aliases each stand for 400 million words."""
    levels = [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(9)]
    matter = "\n".join(["a0: &a0 [lol]", *levels, "tags: *a9"])
    with pytest.raises(UnreadableError, match="front matter with aliases"):
        parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x")


def test_front_matter_as_long_as_a_book_is_refused_before_it_is_parsed() -> None:
    matter = "a: " + "x" * MAX_MATTER_CHARACTERS
    with pytest.raises(UnreadableError, match="the limit is 50,000"):
        parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x")


def test_front_matter_nested_without_end_is_refused() -> None:
    # The parser would get to the end, and say that something is missing there, in a minute.
    with pytest.raises(UnreadableError, match=r"front matter .*(nested too deeply|nesting depth)"):
        parse_bytes(f"---\na: {'[' * 40_000}\n---\nText.".encode(), name="x")


def test_front_matter_is_read_in_toml_too() -> None:
    content = b'+++\ntitle = "T"\ntags = ["a"]\nslug = "b"\n[c]\nd = 1\n+++\n\nText.'
    reading = parse_bytes(content, name="x.md")
    assert reading == ParsedFile("T", "Text.", ("a",), first_line=9, page={"slug": "b"})


@pytest.mark.parametrize(
    ("matter", "problem"),
    [
        ("a = [", "is not TOML"),
        (f"a = {'[' * 9_000}", "nested too deeply"),
        (f'a = "{"x" * MAX_MATTER_CHARACTERS}"', "the limit is 50,000"),
    ],
)
def test_front_matter_in_toml_is_refused_with_the_reason(matter: str, problem: str) -> None:
    with pytest.raises(UnreadableError, match=problem):
        parse_bytes(f"+++\n{matter}\n+++\nText.".encode(), name="x")


def test_an_empty_front_matter_says_nothing() -> None:
    reading = parse_bytes(b"---\n---\nText.", name="x")
    assert reading == ParsedFile("X", "Text.", first_line=3)


@given(st.text(st.sampled_from("ab:-*&[]{},'\"|>!?#%@ \n\t\x85\u2028\ufeff0\\"), max_size=60))
def test_both_parsers_of_yaml_see_the_same_parts_where_neither_refuses(block: str) -> None:
    """What one of them sees in a text and the other does not is where a check can be evaded."""
    try:
        parsed_values(block)
        by_python = [type(event) for event in yaml.parse(block, Loader)]
    except (UnreadableError, yaml.YAMLError):
        return
    assert [type(event) for event in yaml.parse(block, CLoader)] == by_python


@pytest.mark.parametrize(
    ("matter", "title"),
    [
        ("question: Can I\n  still join?", "Can I still join?"),
        ("question: Can I join?\ntitle: Joining", "Joining"),
        ("embed:\n  title: Class or instance", "Class or instance"),
        ("page:\n  title: Inner\nTitle: Outer", "Outer"),
        ("a:\n  b:\n    title: Deep\nc:\n  title: Nearer", "Nearer"),
        ("title: ''\nembed: {title: [x], more: {title: Below}}", "Below"),
        ("sources:\n  - title: Somebody else's", "From the heading"),
        ("title_of_the_image: x\n7: {8: y}", "From the heading"),
    ],
)
def test_the_title_is_found_wherever_the_front_matter_has_it(matter: str, title: str) -> None:
    content = f"---\n{matter}\n---\n# From the heading\n\nText."
    assert parse_bytes(content.encode(), name="x.md").title == title

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml import CLoader, Loader

from knowledge.files.formats.front_matter import MAX_MATTER_CHARACTERS, parsed_values
from knowledge.files.parsed_file import ParsedFile, UnreadableError
from knowledge.files.reader import parse_bytes

YAML = "---\n{}\n---\nText."
TOML = "+++\n{}\n+++\nText."
LONG = "x" * MAX_MATTER_CHARACTERS
# libyaml skips a U+FEFF where the parser in Python makes a word of it and of what follows.
HIDDEN = "a: &a0 [lol]\nb:\n" + "\n".join(f"- &a{n + 1}\n\ufeff*a{n}" for n in range(7))
# Nine levels of nine aliases each stand for 400 million words.
LEVELS = "\n".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(9))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (YAML.format(HIDDEN), r"byte-order mark \(U\+FEFF\) in line 5: take it"),
        (YAML.format("title: fine\nsummary: [1, 2\n  : : x]: y"), "that is not YAML in line 4"),
        (YAML.format("verified: 2026-13-01"), "impossible value: month must be in"),
        (YAML.format(f"a0: &a0 [lol]\n{LEVELS}\ntags: *a9"), "front matter with aliases"),
        (YAML.format(f"a: {LONG}"), "the limit is 50,000"),
        # The parser would get to the end, and say that something is missing there, in a minute.
        (f"---\na: {'[' * 40_000}\n---\n.", r"front matter .*(nested too deeply|nesting depth)"),
        ("---\ntitle: A\n---\n\n  \n", "front matter and nothing after it"),
        (TOML.format("a = ["), "is not TOML"),
        (TOML.format(f"a = {'[' * 9_000}"), "nested too deeply"),
        (TOML.format(f'a = "{LONG}"'), "the limit is 50,000"),
    ],
)
def test_front_matter_is_refused_with_the_reason(content: str, told: str) -> None:
    with pytest.raises(UnreadableError, match=told):
        parse_bytes(content.encode(), name="a.md")


@pytest.mark.parametrize("key", ["title: {}", "tags: [{}]"])
@pytest.mark.parametrize(
    "value", ["!!bool x", "!!int ''", "!!float ''", "!!timestamp x", "0x" + "f" * 5_000]
)
def test_a_value_of_another_type_is_refused(key: str, value: str) -> None:
    with pytest.raises(UnreadableError, match="front matter with an impossible value"):
        parse_bytes(YAML.format(key.format(value)).encode(), name="a.md")


@pytest.mark.parametrize("block", ["just words", "- a\n- b", "42", "![a](b.png)"])
def test_a_block_between_rules_that_has_no_keys_is_text(block: str) -> None:
    reading = parse_bytes(f"---\n{block}\n\n---\nText.".encode(), name="x")
    assert reading.text == f"\n{block}\n\n\nText."


def test_front_matter_is_read_in_toml_too() -> None:
    content = b'+++\ntitle = "T"\ntags = ["a"]\nslug = "b"\n[c]\nd = 1\n+++\n\nText.'
    reading = parse_bytes(content, name="x.md")
    assert reading == ParsedFile("T", "Text.", ("a",), first_line=9, page={"slug": "b"})


def test_an_empty_front_matter_says_nothing() -> None:
    reading = parse_bytes(b"---\n---\nText.", name="x")
    assert reading == ParsedFile("X", "Text.", first_line=3)


@given(st.text(st.sampled_from("ab:-*&[]{},'\"|>!?#%@ \n\t\x85\u2028\ufeff0\\"), max_size=60))
def test_both_yaml_parsers_see_the_same(block: str) -> None:
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

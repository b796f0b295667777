import pytest

from bot.text.wrapped_lines import join_lines, tighten

LONG = "A line that an editor has ended behind about seventy signs, as it"


def test_wrapped_paragraphs_and_items_are_joined() -> None:
    assert join_lines(f"{LONG}\ndoes. More.")[0] == f"{LONG} does. More."
    assert join_lines(f"- {LONG}\n  does.\n- Two")[0] == f"- {LONG} does.\n- Two"
    assert join_lines(f"- One\n\n  {LONG}\n  does.")[0] == f"- One\n\n  {LONG} does."


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG}\n\nNew.",
        f"{LONG}  \nNew.",
        f"{LONG}\\\nNew.",
        f"{LONG} follows:\nNew.",
        f"{LONG}\n- One",
        f"{LONG}\n1. One",
        f"{LONG}\n> One",
        f"> {LONG}\n> {LONG}",
        f"{LONG}\n| One |",
        f"| {LONG} |\n| {LONG} |",
        f"## {LONG}\nNew.",
        f"{LONG}\n```\n{LONG}\n{LONG}\n```\n{LONG}",
        f"{LONG}\n  It is a word that is explained.",
        f"As code:\n\n    {LONG}\n    {LONG}",
        "Short.\nNew.",
        "",
    ],
)
def test_other_lines_end_where_they_do(text: str) -> None:
    assert join_lines(text)[0] == text


def test_places_move_with_their_text() -> None:
    text = f"- {LONG}\n  does. More.\n- Two"
    places = [text.index(word) for word in ("A line", "does", "More", "Two")]
    found, moved = join_lines(text, [*places, len(text)])
    assert [found[place:] for place in moved] == [
        f"{LONG} does. More.\n- Two",
        "does. More.\n- Two",
        "More.\n- Two",
        "Two",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "tight"),
    [
        ("One.\n \n\nTwo.", "One.\n\nTwo."),
        ("Run:\n\n```\na\n\n\nb\n```\n\nMore.", "Run:\n```\na\n\n\nb\n```\nMore."),
        ("Two:\n\n- one\n\n- two\n\nMore.", "Two:\n- one\n- two\n\nMore."),
        ("1. Run:\n\n   ```\n   a\n   ```\n\n2. End.", "1. Run:\n   ```\n   a\n   ```\n2. End."),
        ("- one\n\n  More of it.", "- one\n\n  More of it."),
    ],
)
def test_no_blank_line_precedes_lists_or_code(text: str, tight: str) -> None:
    places = [text.index(word) for word in text.split()]
    found, moved = tighten(text, places)
    assert found == tight
    assert [found[place:].split()[0] for place in moved] == text.split()

"""Tables of contents and stubs, told from text."""

import pytest

from indexer.text.contents import headings_in, is_contents, is_stub

PAGE = "# FAQ\n\n## Which rope?\n\nHemp.\n\n## How long?\n\nTen.\n\nWhere from?\n---\n\nHere."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- Which rope?\n- How long?\n- Where from?", True),
        ("- [One](a.md)\n- [Two](b/c.md#d)\n- [Three](#three)", True),
        ("#rope #sail\n`hemp`\n#boat", True),
        ("- [One](https://a.org)\n- [Two](https://b.org)\n- [Three](https://c.org)", False),
        ("- Which rope?\n- How long?", False),
        ("1. Open the door.\n2. Take the rope.\n3. Leave.", False),
        ("- Which rope?\n- How long?\n- Where from?\n\n" + "It is dry here. " * 10, False),
    ],
)
def test_contents_only_lead_to_other_text(text: str, *, expected: bool) -> None:
    assert is_contents(text, headings_in(PAGE)) is expected


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("How Folia works", "A reference of how Folia works.", True),
        ("Ropes", "Hemp ropes rot unless they are dried in the wind.", False),
        ("Which rope?", "The red one.", False),
        ("Port", "The port is 25565.", False),
    ],
)
def test_a_stub_says_hardly_more_than_its_title(title: str, text: str, *, expected: bool) -> None:
    assert is_stub(title, text) is expected

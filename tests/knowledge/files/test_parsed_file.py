from datetime import date

import pytest

from knowledge.files.reader import parse_bytes


def test_half_a_sign_is_replaced() -> None:
    pairs = rb'[{"question": "Why \ud83d\ude00 \ud83d?", "answer": "\ude00 so."}]'
    assert parse_bytes(pairs, name="a.json").text == "## Why 😀 \ufffd?\n\n\ufffd so."


@pytest.mark.parametrize(
    ("matter", "field", "value"),
    [
        ("tags: [a, b]", "tags", ("a", "b")),
        ("tags: a, b c", "tags", ("a", "b", "c")),
        ("tags: [2024, true]", "tags", ("2024", "True")),
        ("tags: {a: b}", "tags", ()),
        ("tags:", "tags", ()),
        ("verified: 2026-11-24", "verified", date(2026, 11, 24)),
        ("verified: 2026-11-24 10:00:00", "verified", date(2026, 11, 24)),
        ("verified: last week", "verified", None),
        ("link: https://a.org/", "link", "https://a.org/"),
        ("url: http://a.org/", "link", "http://a.org/"),
        ("link: javascript:alert(1)", "link", ""),
        ("sources:\n  - name: Somebody else's\n    url: https://s.org/", "link", ""),
    ],
)
def test_front_matter_is_read_in_its_types(matter: str, field: str, value: object) -> None:
    parsed = parse_bytes(f"---\n{matter}\n---\nText.".encode(), name="x")
    assert getattr(parsed, field) == value

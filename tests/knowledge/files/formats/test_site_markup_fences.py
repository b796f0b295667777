import pytest

from knowledge.files.formats.site_markup import without_prose_fences

PROSE = "Nobody is paid to be here. Be kind to each other. " * 8


def _read(text: str) -> str:
    return "\n".join(without_prose_fences(text.split("\n")))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (f"A\n```markdown\n{PROSE}\n```\nB", f"A\n\n{PROSE}\n\nB"),
        (f"~~~~ MD\n{PROSE}\n~~~~", f"\n{PROSE}\n"),
        (
            f"```md\n{PROSE}\n<https://a.example>\n```",
            f"\n{PROSE}\n<https://a.example>\n",
        ),
        ("```embed\nurl: https://a.example/x\n```", "\nhttps://a.example/x\n"),
        ("```embed\nhttps://a.example/x\ntitle: X\n```", "\nhttps://a.example/x\n\n"),
    ],
)
def test_a_fence_around_what_is_no_code_is_gone(written: str, read: str) -> None:
    assert _read(written) == read


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{PROSE}\n```",
        f"```python\n{PROSE}\n```",
        "```markdown\n![alt](https://a.example/b.gif)\n```",
        "```markdown\nShort. Text.\n```",
        f"```markdown\n# How to write a heading\n{PROSE}\n```",
        f"```markdown\n{PROSE}\nSee [the rules](rules.md).\n```",
        f"```markdown\n{PROSE}\n<details>\n```",
        f"````\n```markdown\n{PROSE}\n```\n````",
        f'```md title="x"\n{PROSE}\n```',
        f"```markdown\n{PROSE}",
        "```embed\nurl: https://a.example\nimage: https://b.example\n```",
        "```embed\nnothing\n```",
        "Plain.",
        "",
    ],
)
def test_any_other_fence_stays(text: str) -> None:
    assert _read(text) == text

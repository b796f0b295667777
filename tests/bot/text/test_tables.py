import pytest

from bot.text.tables import shown_table

PLAIN = ["| a | b |", "|---|---|", "| 1 | 2 |"]


def test_a_narrow_table_of_plain_words_keeps_its_columns() -> None:
    assert shown_table(PLAIN) == ["```", *PLAIN, "```"]


@pytest.mark.parametrize(
    ("table", "shown"),
    [
        (
            "| Command | What |\n| --- | :-: |\n| `!a` | [One](<https://a.org>) |",
            "**Command · What**\n- `!a` · [One](<https://a.org>)",
        ),
        (
            f"| **Name** | Text |\n|---|---|\n|  | {'long ' * 8} |\n| x \\| y | `a | b` |",
            f"**Name · Text**\n- {('long ' * 8).strip()}\n- x | y · `a | b`",
        ),
        ("| | |\n|---|---|\n| *a* | 1 |", "- *a* · 1"),
        ("| *no* | head |\n| *a* | 1 |", "- *no* · head\n- *a* · 1"),
        ("  | *a* | b |", "  - *a* · b"),
    ],
)
def test_any_other_is_a_list_with_a_row_in_each_item(table: str, shown: str) -> None:
    assert shown_table(table.split("\n")) == shown.split("\n")

import pytest

from bot.text.tables import begins_below_head, head_above, shown_table

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


def test_a_text_that_begins_below_the_head_of_its_table_is_told() -> None:
    assert begins_below_head("| 1 | 2 |\n\nText.")
    assert not begins_below_head("\n".join(PLAIN))
    assert not begins_below_head("Text.\n| 1 | 2 |")


@pytest.mark.parametrize(
    ("before", "head"),
    [
        (["\n".join(["Text.", "", *PLAIN])], "| a | b |\n|---|---|\n| … |"),
        (["\n".join(PLAIN), "| 3 | 4 |\n| 5 | 6 |"], "| a | b |\n|---|---|\n| … |"),
        (["\n".join(PLAIN), "Text.\n| 5 | 6 |"], ""),
        (["Text."], ""),
        ([], ""),
    ],
)
def test_the_head_stands_before_the_text_that_goes_on_with_its_table(
    before: list[str], head: str
) -> None:
    assert head_above(before) == head

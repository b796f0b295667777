import pytest

from bot.text.tables import shown_table


def _shown(table: str) -> str:
    return "\n".join(shown_table(table.split("\n")))


@pytest.mark.parametrize(
    ("table", "shown"),
    [
        ("| a | b |\n|---|---|\n| 1 | 22 |", "a  b\n-  --\n1  22"),
        (
            "| Zone | Min | Max |\n|:--|--|--:|\n| **EU** | `a|b` | 8 |\n|  | x\\|y | snake_case |",
            "Zone  Min  Max\n----  ---  ----------\nEU    a|b  8\n      x|y  snake_case",
        ),
        ("| 値 | b |\n|--|--|\n| 日本 | e\u0301 |\n| … |", "値    b\n----  -\n日本  e\u0301\n…"),
        ("| | |\n|---|---|\n| *a* | 1 |", "a  1"),
        ("| no | head |\n| 2 * 3 | 1 |", "no     head\n2 * 3  1"),
    ],
)
def test_a_fitting_table_has_aligned_columns(table: str, shown: str) -> None:
    assert _shown(table) == f"```\n{shown}\n```"


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
        ("| no | head |\n| https://a.org | 1 |", "- no · head\n- https://a.org · 1"),
        ("  | https://a.org | b |", "  - https://a.org · b"),
    ],
)
def test_other_tables_become_lists(table: str, shown: str) -> None:
    assert _shown(table) == shown


def test_third_columns_have_their_heads() -> None:
    table = (
        "| Role | What it does there | **Best** |\n|---|---|---|\n| CLIENT | Sends | Phones |\n"
        "| *new* |  | https://a.org |\n| … |\n|  | Waits | a | more |"
    )
    assert _shown(table) == (
        "**Role · What it does there · Best**\n"
        "- **CLIENT** · What it does there: Sends · Best: Phones\n"
        "- *new* · Best: https://a.org\n…\n- What it does there: Waits · Best: a · more"
    )

"""Every regular expression of the program is linear in the text, whatever that text is.

`tests/pattern_sites.py` finds the patterns, `tests/pattern_cost.py` analyses them; none is exempt.
"""

from collections import defaultdict
from typing import Final

from tests.pattern_cost import steps
from tests.pattern_sites import Use, uses

# The most tries of a pattern for each character of a text. A million characters of the worst text
# then take seconds; one that grew with the text would take hours.
MOST_STEPS: Final = 700


def test_every_pattern_is_linear_on_every_text() -> None:
    cost = {use: steps(use.pattern, use.flags, use.method) for use in uses() if use.engine == "re"}
    assert {use: tries for use, tries in cost.items() if tries > MOST_STEPS} == {}


def test_patterns_of_the_other_engine_repeat_nothing() -> None:
    """The analysis reads Python's syntax; `regex` is used for graphemes and backwards only."""
    others = [use for use in uses() if use.engine == "regex"]
    assert others
    assert [use for use in others if set("*+{") & set(str(use.pattern))] == []


def test_patterns_are_found_wherever_they_are_made() -> None:
    """Constants, calls in functions, patterns from rules in files, and those of a library."""
    found: dict[str, list[Use]] = defaultdict(list)
    for use in uses():
        found[use.place.partition(":")[0]].append(use)
    assert {use.method for use in found["bot.ask.question_rules"]} == {"match", "search"}
    assert len(found["knowledge.connectors.answers"]) > 10
    assert any("xox" in str(use.pattern) for use in found["knowledge.secrets"])
    assert any(use.method == "sub" for use in found["knowledge.chat.export_json"])

"""Every regular expression of the program is linear in the text, whatever that text is.

`tests/pattern_sites.py` finds the patterns, `tests/pattern_cost.py` analyses them; none is exempt.
"""

import importlib.util
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from tests.pattern_cost import steps
from tests.pattern_sites import UnknownPatternError, Use, uses, uses_in

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
    assert len(found["knowledge.sources.kinds.threads"]) > 10
    assert any("xox" in str(use.pattern) for use in found["knowledge.secrets"])
    assert any(use.method == "sub" for use in found["knowledge.chat.export_file"])


@pytest.mark.parametrize(
    "source",
    [
        "from re import search",
        "import re as patterns",
        "import re\nfind = re.search",
        "import re\n\ndef find_it_there(what, where):\n    return re.search(what, where)",
    ],
)
def test_patterns_that_nobody_can_know_are_refused(source: str, tmp_path: Path) -> None:
    (tmp_path / "hidden.py").write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("hidden", tmp_path / "hidden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(UnknownPatternError):
        list(uses_in(module))

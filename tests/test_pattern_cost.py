"""The analysis of patterns tells slow ones from linear ones, as Python's `re` runs them."""

import re
import time
from math import inf

import pytest

from tests.pattern_cost import steps


@pytest.mark.parametrize(
    "pattern",
    [
        # Of a wiki's page, which held the bot for 15 seconds.
        r">[^<]*[^<\s][^<]*<",
        r"a+b",
        r"\s+$",
        r"(?m)^\s*x",
        r"[.!?]+(?=\s)",
        r"https?://\S+\s",
        r"<!--.*?-->",
        r"(?i)K+b",
        r"(?=\w+)a",
        r"(?:a+b|a+)",
        r"aa(?:a+c)?",
        r"(?:a(?!b))++a",
        r"\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,10}",
    ],
)
def test_slow_searches_are_infinite(pattern: str) -> None:
    assert steps(pattern) == inf


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+b",
        r"(a|a)*b",
        r"(a*)*b",
        r"(\d{1,3}){1,9}x",
        r"a*a*b",
        r".*.*x",
        r"a(?:a*a*b)?",
        r"(?:a(?:a*b)?)*",
        r"(?:(?!foo.*bar).)*",
        r"(a+)\1b",
    ],
)
def test_ambiguous_patterns_are_infinite_at_one_start(pattern: str) -> None:
    assert steps(pattern, method="match") == inf


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w+",
        r"\b\w+\b=",
        r"(?<!\s)\s+$",
        r"(?<![.!?])[.!?]++(?=\s)",
        r">\s*[^<>\s][^<>]*<",
        r"<!--.*?(?:-->|\Z)",
        r"https?://\S+",
        r"<[^<>]+>",
        r"(?m)^[ \t]*x",
        r"(.)\1\1",
    ],
)
def test_linear_searches_cost_next_to_nothing(pattern: str) -> None:
    assert steps(pattern, re.DOTALL) == 0


@pytest.mark.parametrize("pattern", [r"a+b", r"\s+$", r"x*+x", r"(?:\d{3})+x"])
def test_patterns_that_start_once_may_go_back_once(pattern: str) -> None:
    assert steps(pattern, method="match") == 0


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        (r"\[[^\]]{0,500}\]", 500),
        (r"[A-Z]{20,}", 20),
        (r"\w{0,30}!|\d{0,40}-", 70),
        (r"a{0,30}a{0,40}!", 30 + 40 + 30 * 40),
        (rb"[a-z]{1,64}:", 64),
    ],
)
def test_repeats_with_a_maximum_cost_it(pattern: str | bytes, most: int) -> None:
    assert steps(pattern) == most


def test_a_slow_pattern_is_slow_and_a_linear_one_isnt() -> None:
    """What the analysis says holds for Python's engine, in the time of this thread."""

    def seconds(pattern: str) -> float:
        text = ">" * 1_000
        begin = time.thread_time()
        assert re.search(pattern, text) is None
        return time.thread_time() - begin

    assert seconds(r">[^<]*[^<\s][^<]*<") > 20 * seconds(r">\s*+[^<\s][^<>]*<")

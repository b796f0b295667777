"""A post that is solved, locked or put away needs no answer."""

from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.interactions.threads import is_closed, says_solved


def tag(name: str, emoji: str | None = None) -> discord.ForumTag:
    return discord.ForumTag(name=name, emoji=emoji)


def post(title: str = "Router", *, locked: bool = False, archived: bool = False) -> Any:
    return SimpleNamespace(name=title, locked=locked, archived=archived, applied_tags=[])


def test_a_tag_is_solved_by_name_or_emoji() -> None:
    assert says_solved([tag("help"), tag("Solved")])
    assert says_solved([tag("done", "✅")])
    assert not says_solved([tag("not solved yet"), tag("unsolved")])
    assert not says_solved([])


@pytest.mark.parametrize(
    "closed", [post("[solved] Router"), post(locked=True), post(archived=True)]
)
def test_a_solved_locked_or_archived_post_is_closed(closed: Any) -> None:
    assert is_closed(closed)


def test_a_days_silence_may_mean_archived() -> None:
    assert not is_closed(post(archived=True), archived_ok=True)
    assert is_closed(post(locked=True, archived=True), archived_ok=True)


def test_an_unsolved_post_is_open() -> None:
    assert not is_closed(post("Router: not solved yet"))

"""Forum posts: whether one is solved or closed, by its title, its tags and its state in Discord."""

from collections.abc import Iterable

import discord

from knowledge.chat.intents import is_marked_solved


def says_solved(tags: Iterable[discord.ForumTag]) -> bool:
    return any(is_marked_solved(f"{tag.emoji or ''} {tag.name}") for tag in tags)


def is_closed(thread: discord.Thread, *, later: bool = False) -> bool:
    """Whether a post needs no answer: it is solved or locked, or archived before a day is over.

    Discord archives by itself what nobody writes in for a while.
    """
    solved = is_marked_solved(thread.name) or says_solved(thread.applied_tags)
    return solved or thread.locked or (thread.archived and not later)

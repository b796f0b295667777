"""State of forum posts: solved or closed, judged by the title, the tags and Discord's flags."""

from collections.abc import Iterable

import discord

from knowledge.chat.intents import is_marked_solved


def says_solved(tags: Iterable[discord.ForumTag]) -> bool:
    return any(is_marked_solved(f"{tag.emoji or ''} {tag.name}") for tag in tags)


def is_closed(thread: discord.Thread, *, archived_ok: bool = False) -> bool:
    """Whether a post needs no answer: it is solved, locked or archived.

    With `archived_ok`, archived posts count as open: Discord archives quiet posts by itself.
    """
    solved = is_marked_solved(thread.name) or says_solved(thread.applied_tags)
    return solved or thread.locked or (thread.archived and not archived_ok)

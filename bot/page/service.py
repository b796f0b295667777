"""Service of the public page: versions of the pages."""

from typing import Any

from bot.core.core import Core


def versions(core: Core) -> dict[int, tuple[Any, ...]]:
    """Return a version of each public page, by guild id; new content changes the version."""
    notes = core.store.public_notes
    return {guild_id: notes.version(guild_id) for guild_id in notes.guilds()}

"""Tags and sources that a channel can be answered from, and whether there is anything of them.

Each function takes the core that it works on, so that it can be called in the worker's thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.answers.bundled_articles import scopes_in
from bot.answers.lookup import scopes_of
from bot.core.core import Core
from knowledge.channels.sync_state import ArchivedChannel
from knowledge.values.channel_settings import AnsweredFrom
from knowledge.values.documents import SHARED


@dataclass(frozen=True, slots=True)
class Offered:
    """What a guild can choose: tags of documents, synced channels, locations of other sources."""

    tags: Sequence[str]
    channels: Sequence[ArchivedChannel]
    locations: Sequence[str]


def offered(core: Core, guild_id: int) -> Offered:
    synced = core.store.synced_channels.all()
    core.archive.set_channels(synced)
    channels = [one for one in core.archive.channels() if one.guild_id == guild_id]
    scopes = core.articles.seen(scopes_of(guild_id, [one.id for one in channels]))
    return Offered(
        core.index.tables.tags(scopes),
        channels,
        [location for location, scope in core.store.sources() if scope in (guild_id, SHARED)],
    )


def is_answerable(core: Core, guild_id: int, of: AnsweredFrom) -> bool:
    """Whether anything in a guild is of what was chosen, whoever may see it."""
    followed = [one.id for one in core.store.synced_channels.all() if one.guild_id == guild_id]
    first, *_ = looks = core.articles.looks(scopes_of(guild_id, followed), of)
    selection = first.selection
    return selection is None or len(core.index.selected(selection, scopes_in(looks))) > 0

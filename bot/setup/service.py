"""State and choices of `/setup`, loaded and stored in the worker's thread.

Functions that take a core run there; the others are pure.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bot.answers.ask import scopes_of
from bot.answers.search_tiers import scopes_of_tiers
from bot.core.core import Core
from bot.setup.settings import Kind, Setting
from bot.sources import service as sources_service
from bot.sources.service import Overview
from knowledge.discord_archive.archive import ArchivedChannel
from knowledge.values.documents import SHARED, Scope
from knowledge.values.guilds import Phrasing
from knowledge.values.quotas import Limits
from knowledge.values.settings import (
    AnsweredFrom,
    Chosen,
    Edition,
    GuildSettings,
    Mode,
    WeeklyDigest,
)

ALL: Final = "all"
# Stands for no choice of its own: the value of the category, the server or the operator.
INHERITED: Final = "inherited"


@dataclass(frozen=True, slots=True)
class State:
    """Stored settings and sources of a guild.

    Attributes:
        channels: the settings of channels, by channel id.
        unreleased: the number of live notes not yet released for the public page.
        languages: the languages of the serving model; empty if unknown.
    """

    settings: GuildSettings
    quorum: int
    digests: Mapping[Edition, WeeklyDigest]
    channels: Mapping[int, Chosen]
    sources: Overview
    unreleased: int
    languages: tuple[str, ...]

    @property
    def has_sources(self) -> bool:
        return bool(self.sources.channels or self.sources.others)

    @property
    def helped(self) -> tuple[int, ...]:
        """Ids of channels where the bot answers questions that address nobody."""
        return tuple(id_ for id_, own in self.channels.items() if own.get("mode") is Mode.HELP)

    def content(self, setting: Setting) -> Any:
        """The stored content of a server's setting."""
        if setting.edition is not None:
            digest = self.digests.get(setting.edition)
            return getattr(digest, setting.column, None) if setting.column else digest
        if setting.key in ("quorum", "help"):
            return self.quorum if setting.key == "quorum" else self.helped
        return getattr(self.settings, setting.column, None)


def state(core: Core, guild_id: int) -> State:
    rules = core.store.guilds.rules(guild_id)
    return State(
        core.store.guilds.settings(guild_id),
        next((rule.quorum for rule in rules if not rule.tag), 1),
        core.store.digests.of_guild(guild_id),
        core.store.channel_settings.of_guild(guild_id),
        sources_service.overview(core, Scope(guild_id)),
        core.store.public_notes.unreleased_count(guild_id),
        core.served.model.languages,
    )


def choose(
    core: Core,
    guild_id: int,
    member_id: int,
    setting: Setting,
    *,
    values: Sequence[str],
    shown: Collection[str] = (),
    host: str = "",
) -> bool:
    """Store the choice of one setting of a server, without changing others.

    If several channels are chosen, only differences from the `shown` channels are stored, because
    another administrator may have changed the rest. Phrasing is allowed only at `host`.

    Returns:
        Whether the choice is stored; a digest for everyone needs a channel first.

    Raises:
        KeyError: if the setting has no such choice.
    """
    guilds = core.store.guilds
    content: Any
    if setting.kind is Kind.CHOICE:
        content = setting.choices[values[0]]
    elif setting.kind is Kind.CHANNELS:
        content = [int(value) for value in values]
    else:
        content = int(values[0]) if values else None
    if (edition := setting.edition) is not None:
        if setting.column == "weekday" and content is None:
            core.store.digests.end(guild_id, edition, member_id)
            return True
        content = guilds.settings(guild_id).review_channel_id if content is None else content
        changes = {} if content is None else {setting.column: content}
        return change_digest(core, guild_id, member_id, edition, changes)
    if setting.key == "quorum":
        guilds.set_quorum(guild_id, content, member_id)
    elif setting.key == "help":
        for value in {*values} ^ {*shown}:
            mode = Mode.HELP if value in values else None
            core.store.channel_settings.change(int(value), guild_id, {"mode": mode}, member_id)
    elif setting.key == "listen":
        kept = guilds.settings(guild_id).listen_channels
        left = [number for number in kept if number in content or str(number) not in shown]
        added = [number for number in content if number not in left]
        guilds.change(guild_id, {"listen_channels": (*left, *added)}, member_id)
    else:
        changes = {setting.column: content}
        if setting.key == "phrasing":
            changes["phrasing_host"] = host if content is not Phrasing.OFF else ""
        guilds.change(guild_id, changes, member_id)
    return True


def change_digest(
    core: Core, guild_id: int, member_id: int, edition: Edition, changes: Mapping[str, Any]
) -> bool:
    """Change a digest, or set one up; False if the digest has no channel yet."""
    at = datetime.now(UTC)
    return core.store.digests.change(guild_id, edition, changes, member_id, at) is not None


def change_limits(
    core: Core, guild_id: int, member_id: int, change: Callable[[Limits], Limits]
) -> None:
    core.store.guilds.update(
        guild_id, lambda settings: replace(settings, limits=change(settings.limits)), member_id
    )


def change(core: Core, guild_id: int, member_id: int, **changes: Any) -> None:
    core.store.guilds.change(guild_id, changes, member_id)


# Channels.


def choose_in(
    core: Core, guild_id: int, member_id: int, channel_id: int, changes: Mapping[str, Any]
) -> None:
    """Change settings of a channel, thread or category; None inherits a setting."""
    core.store.channel_settings.change(channel_id, guild_id, changes, member_id)


class Offered(NamedTuple):
    """Tags, synced channels and other sources that a channel can be answered from."""

    tags: Sequence[str]
    channels: Sequence[ArchivedChannel]
    locations: Sequence[str]


def offer(core: Core, guild_id: int) -> Offered:
    core.archive.set_channels(core.store.synced_channels.all())
    channels = [channel for channel in core.archive.channels() if channel.guild_id == guild_id]
    scopes = core.articles.visible_scopes(scopes_of(guild_id, [each.id for each in channels]))
    return Offered(
        core.index.tables.tags(scopes),
        channels,
        [location for location, scope in core.store.sources() if scope in (guild_id, SHARED)],
    )


def is_answerable(core: Core, guild_id: int, of: AnsweredFrom) -> bool:
    """Whether a selection matches any document of a guild, readable by the administrator or not."""
    synced = core.store.synced_channels.all()
    followed = [channel.id for channel in synced if channel.guild_id == guild_id]
    tiers = core.articles.tiers(scopes_of(guild_id, followed), of)
    selection = tiers[0].selection
    scopes = scopes_of_tiers(tiers)
    return selection is None or bool(len(core.index.selected_passages(selection, scopes)))


def parse_items(typed: str, names: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Split a comma-separated list into known keys and unknown words, without repeats.

    `names` has the names by key; both are known, in any case.
    """
    by_word = {name.casefold(): key for key, name in reversed([*names.items()])}
    by_word |= {key.casefold(): key for key in names}
    words = [typed] if typed.strip().casefold() in by_word else typed.split(",")
    known: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for word in filter(None, (" ".join(part.split()) for part in words)):
        key = by_word.get(word.casefold()) or by_word.get(word.casefold().removeprefix("#"))
        if key is None:
            unknown[word] = None
        else:
            known[key] = None
    return [*known], [*unknown]


def parse_tags(typed: str, known: Sequence[str]) -> list[str]:
    """Parse a comma-separated list of tags.

    A known tag may have spaces in its name. Any other text between commas is split at spaces into
    several tags.
    """
    found, others = parse_items(typed, {tag: tag for tag in known})
    words = [word.removeprefix("#").casefold() for other in others for word in other.split()]
    return [*dict.fromkeys([*found, *filter(None, words)])]

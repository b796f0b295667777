"""State and choices of `/setup`, loaded and stored in the worker's thread."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.core.core import Core
from bot.setup.panel_choices import NO, Setting
from bot.sources import service as sources_service
from bot.sources.service import Overview
from knowledge.values.channel_settings import Mode
from knowledge.values.documents import Scope
from knowledge.values.guilds import GuildSettings, Phrasing
from knowledge.values.quotas import Limits
from knowledge.values.weekly_digests import Edition


@dataclass(frozen=True, slots=True)
class State:
    """Stored settings and sources of a guild.

    Attributes:
        digest_day: weekday of the moderators' digest, 0 for Monday; None without a digest.
        helped: ids of channels where the bot answers questions that address nobody.
        unreleased: the number of live notes not yet released for the public page.
    """

    settings: GuildSettings
    quorum: int
    digest_day: int | None
    helped: tuple[int, ...]
    sources: Overview
    unreleased: int
    languages: tuple[str, ...]

    @property
    def has_sources(self) -> bool:
        return bool(self.sources.channels or self.sources.others)


def state(core: Core, guild_id: int) -> State:
    rules = core.store.guilds.rules(guild_id)
    digest = core.store.digests.of_guild(guild_id).get(Edition.MODERATORS)
    return State(
        core.store.guilds.settings(guild_id),
        next((rule.quorum for rule in rules if not rule.tag), 1),
        None if digest is None else digest.weekday,
        tuple(
            channel_id
            for channel_id, chosen in core.store.channel_settings.of_guild(guild_id).items()
            if chosen.get("mode") is Mode.HELP
        ),
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
) -> None:
    """Store the choice of one setting, without changing others.

    If several channels are chosen, only differences from the `shown` channels are stored, because
    another administrator may have changed the rest. Phrasing is allowed only at `host`.

    Raises:
        ValueError: if the setting has no such choice.
    """
    menu = setting.menu
    if menu.values and values[0] not in menu.values:
        raise ValueError(f"{values} is no choice of {setting}")
    if setting is Setting.DIGEST:
        _choose_digest(core, guild_id, member_id, values[0])
        return
    if setting is Setting.HELP:
        for value in {*values} ^ {*shown}:
            mode = Mode.HELP if value in values else None
            core.store.channel_settings.change(int(value), guild_id, {"mode": mode}, member_id)
        return
    if setting is Setting.QUORUM:
        core.store.guilds.set_quorum(guild_id, int(values[0]), member_id)
        return
    changes: dict[str, Any] = {}
    if setting is Setting.LISTEN:
        kept = core.store.guilds.settings(guild_id).listen_channels
        left = [number for number in kept if str(number) in values or str(number) not in shown]
        added = [int(value) for value in values if int(value) not in left]
        changes = {"listen_channels": (*left, *added)}
    elif menu.values:
        changes = {menu.column: menu.write(values[0])}
        if setting is Setting.PHRASING:
            changes["phrasing_host"] = host if values[0] != Phrasing.OFF.value else ""
    else:
        changes = {f"{setting}_id": int(values[0]) if values else None}
    core.store.guilds.change(guild_id, changes, member_id)


def _choose_digest(core: Core, guild_id: int, member_id: int, day: str) -> None:
    """Set the day of the moderators' digest, or stop it; `/digest set` has more options."""
    if day == NO:
        core.store.digests.end(guild_id, Edition.MODERATORS, member_id)
        return
    chosen = {"weekday": int(day)}
    core.store.digests.change(guild_id, Edition.MODERATORS, chosen, member_id, datetime.now(UTC))


def change_limits(
    core: Core, guild_id: int, member_id: int, change: Callable[[Limits], Limits]
) -> None:
    core.store.guilds.update(
        guild_id, lambda settings: replace(settings, limits=change(settings.limits)), member_id
    )


def about(
    core: Core, guild_id: int | None, channels: Sequence[int]
) -> tuple[dict[str, int], datetime | None]:
    return core.counts(guild_id, channels), core.index.tables.changed_at()


def change(core: Core, guild_id: int, member_id: int, **changes: Any) -> None:
    core.store.guilds.change(guild_id, changes, member_id)

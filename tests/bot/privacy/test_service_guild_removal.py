"""Retention of a removed bot's data: counted in days that a bot saw, on the right shards only."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.cluster.processes import Shards
from bot.config.settings import Settings
from bot.core.core import Core
from bot.privacy import service
from knowledge.values.guilds import every_guild
from knowledge.values.settings import GuildSettings
from tests.fakes import WordEmbedder

GUILD = 1 << 22
NOW = datetime(2026, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    with Core(settings, WordEmbedder()) as opened:
        opened.store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 3)
        yield opened


def purge(core: Core, at: datetime) -> list[int]:
    return service.purge_former_guilds(core, [], every_guild, at, 30 * DAY)


def purged_after(core: Core, start: datetime) -> int:
    """Number of days until the data is deleted, with a round on each."""
    return next(day for day in range(1, 99) if purge(core, start + day * DAY) == [GUILD])


def test_data_is_deleted_after_thirty_days_running(core: Core) -> None:
    assert service.record_removal(core, [GUILD], NOW) == [GUILD]

    assert purged_after(core, NOW) in (30, 31)
    assert core.store.guilds.known() == set()


def test_a_clock_that_jumps_ahead_deletes_nothing(core: Core) -> None:
    service.record_removal(core, [GUILD], NOW)
    assert purge(core, NOW + 400 * DAY) == []
    assert purge(core, NOW + 400 * DAY + timedelta(hours=1)) == []

    # The clock is corrected, and from then on each day counts.
    assert purge(core, NOW) == []
    assert purged_after(core, NOW) in (30, 31)


def test_years_without_a_running_bot_do_not_count(core: Core) -> None:
    service.record_removal(core, [GUILD], NOW)

    for years in range(1, 30):
        assert purge(core, NOW + years * 365 * DAY) == []


def test_guilds_of_other_shards_are_left_alone(core: Core) -> None:
    """Another process may be in them, or this one soon."""
    mine, other = (Shards(2, frozenset({one})).have for one in (1, 0))
    unnamed = Shards(1, frozenset()).have

    for known in (other, unnamed):
        assert service.compare_guilds(core, [], known, NOW) == ([], [])
    service.record_removal(core, [GUILD], NOW)
    for known in (other, unnamed):
        assert service.purge_former_guilds(core, [], known, NOW, -DAY) == []
    assert service.purge_former_guilds(core, [], mine, NOW, -DAY) == [GUILD]

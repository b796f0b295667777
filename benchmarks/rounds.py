"""Rounds of the background tasks with thousands of guilds: statements and time, with nothing due.

    python benchmarks/rounds.py 100 10000

Each guild is set up, has a digest, a note that is live and one that waits for a decision, neither
of which is due for anything, and a followed channel. What is counted are the statements that the
database is given, once everything has been worked off. The model is that of the tests.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bot.cluster.shards import EVERY_SHARD
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.digest import schedule
from bot.gaps import service as gaps_service
from bot.privacy import guild_removal
from bot.review import service as review_service
from knowledge.store.guilds.synced_channels import SyncedChannel, SyncedContent
from knowledge.store.notes.decisions import Ruling
from knowledge.values.digests import Digest, Edition
from knowledge.values.guilds import GuildSettings
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

MIA: Final = Member(1, "Mia")
MAX: Final = Member(2, "Max")
MOST_LOOKED_AT: Final = 20
TRANSACTIONS: Final = {"begin", "BEGIN", "commit", "COMMIT", "savepoint", "SAVEPOINT", "RELEASE"}


def _fill(core: Core, guilds: int, now: datetime) -> None:
    store = core.store
    with store.database.writing():
        for number in range(1, guilds + 1):
            guild_id = number << 22
            store.guilds.save_settings(GuildSettings(guild_id, guild_id + 1, guild_id + 2), MAX.id)
            digest = Digest(
                guild_id,
                Edition.MODERATORS,
                guild_id + 1,
                number % 7,
                number % 24,
                "Europe/Berlin",
                chosen_at=now,
            )
            store.digests.choose(digest, MAX.id)
            for title in ("Live", "Waiting"):
                said = Submission(title, f"{title} text of the guild {number}.")
                note = store.contributions.propose(guild_id, MIA, guild_id + 3, said).note
                if title == "Live":
                    ruling = Ruling(Decision.APPROVE)
                    store.decisions.decide(guild_id, note.revision.id, MAX, ruling)
            channel = SyncedChannel(guild_id + 4, guild_id, SyncedContent.THREADS, now)
            store.synced_channels.add(channel, MAX.id)
        store.database.run("update revisions set card_due = 0")
        store.database.run("update notices set sent_at = ?", [now.isoformat()])
        store.database.run(
            "insert into gap_checks (note_id, revision_id, verified_at) "
            "select id, live_revision_id, verified_at from notes where live_revision_id is not null"
        )


def hand_overs(core: Core, now: datetime) -> None:
    core.store.handovers.went_stale(now, EVERY_SHARD.have)
    core.store.handovers.due(EVERY_SHARD.have)


def _rounds(core: Core, now: datetime) -> dict[str, Callable[[], object]]:
    store, mine = core.store, EVERY_SHARD.have
    present = [*store.guilds.known()]
    return {
        "settings, at the start": store.channel_settings.every,
        "channels, at the start": store.synced_channels.all,
        "left guilds, at the start": lambda: guild_removal.compare(core, present, EVERY_SHARD, now),
        "reminders and dates": lambda: review_service.reminders(core, now, mine),
        "cards": lambda: store.review_cards.due(mine),
        "notices": lambda: store.notices.unsent(mine),
        "publications": lambda: [*gaps_service.check_publications(core, mine)],
        "hand-overs": lambda: hand_overs(core, now),
        "digests": lambda: [
            one for one in store.digests.all(mine) if schedule.due(one, now) is not None
        ],
        "helper": lambda: (
            store.helped_questions.guilds(mine),
            store.helped_questions.waiting(mine),
            store.helped_questions.due(now, MOST_LOOKED_AT, mine),
        ),
        "purge": lambda: guild_removal.purge(core, present, EVERY_SHARD, now, timedelta(days=30)),
        "figures": core.figures,
    }


def _measure(guilds: int, folder: Path) -> None:
    settings = Settings(data=DataSettings(folder=folder))
    with Core(settings, WordEmbedder()) as core:
        now = datetime.now(UTC)
        began = time.perf_counter()
        _fill(core, guilds, now)
        print(f"{guilds:,} guilds, made in {time.perf_counter() - began:.0f} s")
        statements: list[str] = []
        database: Any = core.store.database
        database._db.conn.set_trace_callback(statements.append)
        for name, step in _rounds(core, now + timedelta(minutes=1)).items():
            step()
            statements.clear()
            began = time.perf_counter()
            step()
            took = time.perf_counter() - began
            asked = [one for one in statements if one.split(maxsplit=1)[0] not in TRANSACTIONS]
            print(f"  {name:<28} {len(asked):>6} statements {took * 1_000:>9.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("guilds", type=int, nargs="+")
    for guilds in parser.parse_args().guilds:
        with tempfile.TemporaryDirectory() as folder:
            _measure(guilds, Path(folder))


if __name__ == "__main__":
    main()

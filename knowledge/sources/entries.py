"""Entry store: the last good text and the last fetch of each entry of each source.

An entry is a web page, a file of a repository or a document of a service. A failed fetch leaves its
text unchanged. A gone entry keeps its text for a grace period, and is then retired.
`EntryStore` is a separate database, in a file or in PostgreSQL. If it is deleted, everything is
fetched again.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from knowledge.files.reader import PARSERS_VERSION
from knowledge.store.database import DerivedKind, DerivedTables
from knowledge.text import storable

ENTRIES: Final = DerivedKind(
    name="web",
    scripts=Path(__file__).parent,
    file_format=3,
    schema_format=2,
    lock_space=8,
    remedy="Delete it, then run `commonplace source sync`: everything in it is fetched again.",
)


ALARMING_VISITS: Final = 2
LOSS_TOLD_FOR: Final = timedelta(days=14)
# The key of the visits' counts beside a listing's own keys, which begin with letters.
_VISITS: Final = "$visits"


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored entry of a source, which is named by its location.

    `key` is the source's own id of it: an address, a path, a number. `link` is for readers (of a
    page, after redirects). `content` are the fetched bytes, not stored for a repository's files,
    and `revision` is theirs, such as an ETag or a blob id. `reason` is the current problem, as the
    rest of a sentence. `readers` is the version of the parsers that read the content, and `details`
    is further data of the kind, as JSON.
    """

    source: str
    key: str
    link: str = ""
    content: bytes = b""
    content_type: str = ""
    revision: str = ""
    last_modified: str = ""
    fetched_at: datetime | None = None
    checked_at: datetime | None = None
    gone_at: datetime | None = None
    reason: str = ""
    title: str = ""
    text: str = ""
    readers: int = 0
    details: str = ""

    @property
    def is_parsed(self) -> bool:
        """Whether the entry has stored content, parsed by the current parsers.

        If not, the next request must not be conditional, because the content is needed.
        """
        return bool(self.content) and self.readers == PARSERS_VERSION

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.details or "{}")
        return found


@dataclass(frozen=True, slots=True)
class SyncState:
    """The last sync of a source: its time, its problem if any, and the state of its listing.

    `failed_visits` counts visits in a row at which the whole source failed. `found` is the number
    of documents after the last visit, `documents` the one after the last visit that lost less than
    a third. `lost_at` is the time of a visit that lost more, until they are back, or for
    `LOSS_TOLD_FOR`.
    """

    source: str
    synced_at: datetime | None = None
    reason: str = ""
    state: Mapping[str, str] = field(default_factory=dict)
    failed_visits: int = 0
    documents: int = 0
    found: int = 0
    lost_at: datetime | None = None

    @property
    def is_alarming(self) -> bool:
        """Whether the source failed at two visits in a row, or lost a third of its documents."""
        return self.failed_visits >= ALARMING_VISITS or self.lost_at is not None

    def count(self, *, failed: bool, documents: int, found: int) -> "SyncState":
        """Count a visit that began with `documents`, and ended with `found` of them.

        This is the state before the visit.
        """
        known, now = self.documents or documents, self.synced_at
        lost_at = self.lost_at or now if found * 3 <= known * 2 and known else None
        if lost_at and now and now - lost_at >= LOSS_TOLD_FOR:
            lost_at = None
        return replace(
            self,
            failed_visits=self.failed_visits + 1 if failed else 0,
            documents=known if lost_at else found,
            found=found,
            lost_at=lost_at,
        )

    def is_due(self, now: datetime, interval: timedelta) -> bool:
        """Whether the sync was at least `interval` ago, or a wrong clock put it in the future."""
        return self.synced_at is None or not timedelta() <= now - self.synced_at < interval


def mark_gone(entry: Entry, reason: str, now: datetime, grace: timedelta) -> Entry:
    """An entry after it was found to be gone; it keeps its text for the period `grace`.

    If the last check was long ago, the time since then counts only as half of `grace`. So an entry
    isn't retired at the first check after a jump of the clock or a long pause of the bot.
    """
    since = entry.gone_at or now
    if entry.gone_at is not None:
        seen = max(entry.gone_at, entry.checked_at or entry.gone_at)
        since = min(since + max(now - seen - grace / 2, timedelta()), now)
    entry = replace(entry, checked_at=now, gone_at=since)
    if not entry.text:
        return replace(entry, content=b"", reason=reason)
    if now - since < grace:
        until = f"{since + grace:%d %b %Y}"
        return replace(entry, reason=f"{reason}; its text is quoted until {until}")
    told = f"{reason} since {since:%d %b %Y}, and is no longer quoted"
    blank = Entry(entry.source, entry.key, entry.link, checked_at=now, gone_at=since, reason=told)
    return replace(blank, fetched_at=entry.fetched_at)


_COLUMNS: Final = ", ".join(column.name for column in fields(Entry))


class EntryStore:
    """The open database of entries."""

    def __init__(self, tables: DerivedTables) -> None:
        self.tables = tables
        # Cached sizes by source, valid until another process writes to the tables.
        self._sizes: dict[str, int] = {}
        self._sizes_of = 0

    def close(self) -> None:
        self.tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def visiting(self, host: str) -> AbstractContextManager[bool]:
        """Keep other processes from syncing sources of a host; yields False if one is syncing."""
        number = int.from_bytes(sha256(host.encode()).digest()[:4], signed=True)
        return self.tables.try_lock(number)

    def state(self, source: str) -> SyncState:
        rows = self.tables.rows("select * from sources where source = ?", [source])
        return next(map(_sync_state, rows), SyncState(source))

    def alarming_states(self) -> dict[str, SyncState]:
        """The states of the sources with an alarm, by their locations."""
        states = map(_sync_state, self.tables.rows("select * from sources", []))
        return {state.source: state for state in states if state.is_alarming}

    def keep_state(self, state: SyncState) -> None:
        visits = {
            "failed_visits": state.failed_visits,
            "documents": state.documents,
            "found": state.found,
            "lost_at": _iso_time(state.lost_at),
        }
        with self.tables.writing():
            self.tables.replace(
                "sources",
                {
                    "source": state.source,
                    "synced_at": _iso_time(state.synced_at),
                    "reason": state.reason,
                    "state": json.dumps({**state.state, _VISITS: visits}),
                },
                ["source"],
            )

    def forget_others(self, sources: Sequence[str]) -> None:
        """Delete all sources except `sources`, with their entries."""
        self._sizes.clear()
        with self.tables.writing():
            for table in ("sources", "entries"):
                # Both names are this module's own.
                known = self.tables.rows(f"select distinct source from {table}")  # noqa: S608
                for source in {row["source"] for row in known} - set(sources):
                    self.tables.run(f"delete from {table} where source = ?", [source])  # noqa: S608

    def entry(self, source: str, key: str) -> Entry:
        sql = f"select {_COLUMNS} from entries where source = ? and key = ?"  # noqa: S608 - names of ours
        for row in self.tables.rows(sql, [source, key]):
            return _entry(row)
        return Entry(source, key)

    def drop(self, source: str, keys: Sequence[str]) -> None:
        self._sizes.pop(source, None)
        with self.tables.writing():
            for key in keys:
                self.tables.run("delete from entries where source = ? and key = ?", [source, key])

    def of(self, source: str) -> Iterator[Entry]:
        for key in self.keys(source):
            yield self.entry(source, key)

    def outlines(self, source: str) -> Iterator[Entry]:
        """The entries of a source, loaded without `content` and times, to save memory.

        `text` is cut to its first character, which shows whether the entry has text.
        """
        rows = self.tables.rows(
            "select key, link, revision, reason, title, readers, details, "
            "substr(text, 1, 1) as text from entries where source = ? order by rowid",
            [source],
        )
        for row in rows:
            yield Entry(source, **row)

    def count_documents(self, source: str) -> int:
        sql = "select count(*) as count from entries where source = ? and text <> ''"
        [row] = self.tables.rows(sql, [source])
        return int(row["count"])

    def keys(self, source: str) -> list[str]:
        rows = self.tables.rows("select key from entries where source = ? order by rowid", [source])
        return [row["key"] for row in rows]

    @property
    def version(self) -> object:
        """A value that changes with every write."""
        return self.tables.version

    def size(self, source: str) -> int:
        """The stored bytes of a source's entries, cached until another process writes."""
        others = self.tables.version_of_others
        if others != self._sizes_of:
            self._sizes.clear()
            self._sizes_of = others
        if source not in self._sizes:
            self._sizes[source] = self._bytes_taken("source = ?", [source])
        return self._sizes[source]

    def _bytes_taken(self, where: str, values: Sequence[str]) -> int:
        sql = (
            f"select sum(length(content) + {self.tables.bytes_of('text')} "  # noqa: S608
            f"+ {self.tables.bytes_of('details')}) as size from entries where {where}"
        )
        [row] = self.tables.rows(sql, values)
        return row["size"] or 0

    def keep_within(self, entry: Entry, most: int | None) -> bool:
        """Store an entry if its source then has at most `most` bytes; returns whether it fits.

        An entry no larger than its stored version always fits. If there is no room, the stored
        version stays, and its `reason` says so.
        """
        if most is None:
            self.keep(entry)
            return True
        size = self.size(entry.source)
        taken = self._bytes_taken("source = ? and key = ?", [entry.source, entry.key])
        fits = _size(entry) <= max(taken, most - size + taken)
        if not fits:
            before, reason = self.entry(entry.source, entry.key), "has no room (see the source)"
            entry = replace(before, checked_at=entry.checked_at, reason=reason)
        self.keep(entry)
        self._sizes[entry.source] = size - taken + _size(entry)
        return fits

    def keep(self, entry: Entry) -> None:
        self._sizes.pop(entry.source, None)
        row = {
            **asdict(entry),
            "content": zlib.compress(entry.content),
            "fetched_at": _iso_time(entry.fetched_at),
            "checked_at": _iso_time(entry.checked_at),
            "gone_at": _iso_time(entry.gone_at),
        }
        kept = {
            name: storable(value) if isinstance(value, str) else value
            for name, value in row.items()
        }
        with self.tables.writing():
            self.tables.replace("entries", kept, ["source", "key"])


def _size(entry: Entry) -> int:
    told = len(storable(entry.text).encode()) + len(storable(entry.details).encode())
    return len(zlib.compress(entry.content)) + told


def _entry(row: dict[str, Any]) -> Entry:
    times = {key: _time(row[key]) for key in ("fetched_at", "checked_at", "gone_at")}
    return Entry(**{**row, **times, "content": zlib.decompress(row["content"])})


def _sync_state(row: Mapping[str, Any]) -> SyncState:
    state = json.loads(row["state"] or "{}")
    visits = state.pop(_VISITS, {})
    visits["lost_at"] = _time(visits.get("lost_at"))
    return SyncState(row["source"], _time(row["synced_at"]), row["reason"], state, **visits)


def _iso_time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment is not None else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

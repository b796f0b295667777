"""What was read of followed channels, and what is to be asked of Discord next.

Reading a channel is a *round*: its threads are listed, then those are read that are new, went on,
or may have changed unheard. `next_step` says what to ask for, `take_…` takes in what came, in one
transaction with how far reading has come; so a process that is killed anywhere goes on from there.
Between rounds, what is heard of messages and threads is taken in one by one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from knowledge.channels import FollowedChannel, Reads
from knowledge.heard_messages import NO_END, HeardMessages, Written, first_id
from knowledge.heard_tables import HeardTables
from knowledge.heard_threads import HeardThreads, Thread
from knowledge.transcript import Withheld

# What was written so lately is read again by every round: it may have been changed while nobody
# listened. What is older is read again by `/source sync` alone.
RECENT: Final = timedelta(days=14)


class Stage(StrEnum):
    """Where a round is."""

    DONE = ""
    ACTIVE = "active"
    ARCHIVED = "archived"
    READING = "reading"
    PINS = "pins"


_FIRST: Final = {
    Reads.THREADS: Stage.ACTIVE,
    Reads.POSTS: Stage.READING,
    Reads.PINS: Stage.PINS,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What to ask Discord for: a list of threads, a page of messages, or the pinned ones.

    `cursor` is where the list of archived threads goes on; `after` the message that the page comes
    after, in the thread or channel `thread_id`.
    """

    channel_id: int
    stage: Stage
    thread_id: int = 0
    after: int = 0
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The message in which it is said how far reading is."""

    channel_id: int = 0
    message_id: int = 0


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How far reading a channel is.

    `threads` and `unread` count its threads, `messages` and `documents` what came of them.
    `reason` says why nothing can be read of it, and continues a sentence about the channel.
    """

    id: int
    guild_id: int
    name: str
    reads: Reads
    stage: Stage
    synced_at: datetime | None
    reason: str
    place: Place
    threads: int
    unread: int
    messages: int
    documents: int

    @property
    def is_busy(self) -> bool:
        """Whether a round is under way."""
        return self.stage is not Stage.DONE


class Heard:
    """What was read of followed channels."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            HeardError: if the system refuses.
        """
        self.tables = HeardTables(path)
        self.threads = HeardThreads(self.tables)
        self.messages = HeardMessages(self.tables)

    def close(self) -> None:
        """Close the file."""
        self.tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Which channels, and how far each is.

    def follow(self, channels: Iterable[FollowedChannel], names: Mapping[int, str]) -> None:
        """Keep to these channels: others are forgotten, new ones wait for their first round."""
        wanted = {channel.id: channel for channel in channels}
        known = {
            row["id"]: Reads(row["reads"]) for row in self.tables.rows("select * from channels")
        }
        with self.tables.writing():
            for channel_id, reads in known.items():
                if channel_id not in wanted or wanted[channel_id].reads is not reads:
                    self._forget(channel_id)
                    self.tables.run("delete from channels where id = ?", (channel_id,))
            for channel in wanted.values():
                self.tables.run(
                    "insert or ignore into channels values (?, ?, ?, ?, '', 0, '', null, '', 0, 0)",
                    (channel.id, channel.guild_id, "", channel.reads.value),
                )
            for channel_id, name in names.items():
                self.tables.run(
                    "update channels set name = ? where id = ? and name != ?",
                    (name, channel_id, name),
                )

    def _forget(self, channel_id: int) -> None:
        for table in ("messages", "documents"):
            self.tables.run(
                f"delete from {table} where thread_id in "  # noqa: S608 - names of ours
                "(select id from threads where channel_id = ?)",
                (channel_id,),
            )
        self.tables.run("delete from threads where channel_id = ?", (channel_id,))

    def states(self) -> list[ChannelState]:
        """How far each channel is, by age."""
        rows = self.tables.rows(
            "select c.*, count(t.id) as threads, coalesce(sum(t.due), 0) as unread, "
            "(select count(*) from messages m join threads h on h.id = m.thread_id "
            " where h.channel_id = c.id) as messages, "
            "(select count(*) from documents d join threads h on h.id = d.thread_id "
            " where h.channel_id = c.id) as documents "
            "from channels c left join threads t on t.channel_id = c.id "
            "group by c.id order by c.rowid"
        )
        return [
            ChannelState(
                id=row["id"],
                guild_id=row["guild_id"],
                name=row["name"],
                reads=Reads(row["reads"]),
                stage=Stage(row["stage"]),
                synced_at=_time(row["synced_at"]),
                reason=row["reason"],
                place=Place(row["place_channel_id"], row["place_message_id"]),
                threads=row["threads"],
                unread=row["unread"],
                messages=row["messages"],
                documents=row["documents"],
            )
            for row in rows
        ]

    def put_place(self, channel_id: int, place: Place) -> None:
        """Remember the message in which it is said how far reading a channel is."""
        with self.tables.writing():
            self.tables.run(
                "update channels set place_channel_id = ?, place_message_id = ? where id = ?",
                (place.channel_id, place.message_id, channel_id),
            )

    def fail(self, channel_id: int, reason: str, *, lost: bool) -> None:
        """Remember why a channel can't be read, and end its round.

        With `lost`, what was read of it must not be quoted any more: it is forgotten.
        """
        with self.tables.writing():
            if lost:
                self._forget(channel_id)
            self.tables.run(
                "update channels set reason = ?, stage = '', cursor = '' where id = ?",
                (reason, channel_id),
            )

    # A round.

    def begin_round(self, channel_id: int, now: datetime, *, whole: bool = False) -> None:
        """Begin to read a channel; where it was being read, that is a part of it.

        Args:
            channel_id: which.
            now: the time.
            whole: whether everything is read again, and not only what is new or recent.
        """
        row = self._channel(channel_id)
        if row is None:
            return
        since = 0 if whole else first_id(now - RECENT)
        with self.tables.writing():
            self.tables.run(
                "update channels set stage = ?, round = round + 1, cursor = '', reason = '' "
                "where id = ?",
                (_FIRST[row.reads].value, channel_id),
            )
            if row.reads is Reads.THREADS:
                self.tables.run(
                    "update threads set due = 1, read_to = 0 "
                    "where channel_id = ? and last_id >= ? and read_to > 0",
                    (channel_id, since),
                )
                return
            # The channel itself is what is read: its one thread.
            self.tables.run(
                "insert or ignore into threads values (?1, ?1, '', 0, 0, 0, 1, 0, 0, 0, 0, '')",
                (channel_id,),
            )
            self.tables.run(
                "update threads set due = 1, read_to = min(read_to, ?) where id = ?",
                (since, channel_id),
            )

    def next_step(self, channel_id: int) -> Step | None:
        """What to ask Discord for next; None where the round is done.

        The threads that were last written in come first: what they say is asked for most.
        """
        row = self._channel(channel_id)
        if row is None or row.stage is Stage.DONE:
            return None
        stage = row.stage
        if stage is not Stage.READING:
            return Step(channel_id, stage, channel_id, cursor=row.cursor)
        threads = self.tables.rows(
            "select id, read_to from threads where channel_id = ? and due "
            "order by last_id desc limit 1",
            (channel_id,),
        )
        if threads:
            return Step(channel_id, stage, threads[0]["id"], threads[0]["read_to"])
        return None

    def take_threads(
        self, step: Step, threads: Sequence[Thread], cursor: str, *, last: bool
    ) -> None:
        """Take in a part of the list of threads.

        Args:
            step: what was asked for.
            threads: what came.
            cursor: where the list goes on.
            last: whether the list ends here.
        """
        following = Stage.ARCHIVED if step.stage is Stage.ACTIVE else Stage.READING
        with self.tables.writing():
            row = self._channel(step.channel_id)
            if row is None or row.stage is not step.stage:
                return
            for thread in threads:
                self.threads.see(thread, row.round)
            self.tables.run(
                "update channels set stage = ?, cursor = ? where id = ?",
                (
                    following.value if last else step.stage.value,
                    "" if last else cursor,
                    step.channel_id,
                ),
            )

    def take_page(
        self,
        step: Step,
        page: Sequence[Written],
        withheld: Withheld,
        leave: Collection[int] = (),
        *,
        last: bool,
    ) -> None:
        """Take in a page of messages, and how far reading has come with it.

        Args:
            step: what was asked for.
            page: what came.
            withheld: whose messages are not kept.
            leave: ids of messages that something was heard of since the page was asked for.
            last: whether nothing comes after it.
        """
        kept = [written for written in page if written.message not in withheld]
        ids = [written.message.id for written in page]
        with self.tables.writing():
            rows = self.tables.rows("select * from threads where id = ?", (step.thread_id,))
            # It may have been deleted meanwhile, or be read from its beginning again.
            if not rows or rows[0]["read_to"] != step.after or not rows[0]["due"]:
                return
            end = max(ids, default=step.after)
            stretch = (step.after, NO_END if last else end)
            self.messages.replace(step.thread_id, stretch, kept, leave)
            read_to = max(end, rows[0]["last_id"]) if last else end
            self.tables.run(
                "update threads set read_to = ?, due = ?, whole = whole or ?, reason = '' "
                "where id = ?",
                (read_to, not last, last, step.thread_id),
            )

    def take_pins(
        self,
        step: Step,
        pins: Sequence[Written],
        withheld: Withheld,
        leave: Collection[int] = (),
    ) -> None:
        """Take in the pinned messages of a channel, which are all that is kept of it."""
        kept = [written for written in pins if written.message not in withheld]
        with self.tables.writing():
            row = self._channel(step.channel_id)
            if row is None or row.stage is not Stage.PINS:
                return
            self.messages.replace(step.channel_id, (0, NO_END), kept, leave)
            self.tables.run(
                "update threads set due = 0, whole = 1 where id = ?", (step.channel_id,)
            )
            self.tables.run(
                "update channels set stage = ? where id = ?",
                (Stage.READING.value, step.channel_id),
            )

    def end_round(self, channel_id: int, now: datetime) -> bool:
        """End a round in which nothing is left to ask for; threads that are gone are forgotten.

        Returns False where there was none to be ended.
        """
        with self.tables.writing():
            row = self._channel(channel_id)
            if row is None or row.stage is Stage.DONE or self.next_step(channel_id) is not None:
                return False
            if row.reads is Reads.THREADS:
                gone = self.tables.rows(
                    "select id from threads where channel_id = ? and round != ?",
                    (channel_id, row.round),
                )
                for thread in gone:
                    self.threads.forget(thread["id"])
            self.tables.run(
                "update channels set stage = '', synced_at = ? where id = ?",
                (now.astimezone(UTC).isoformat(), channel_id),
            )
            return True

    def hear_of_thread(self, thread: Thread) -> None:
        """Take in that a thread was begun or changed; one that is new is to be read."""
        with self.tables.writing():
            row = self._channel(thread.channel_id)
            if row is None or row.reads is not Reads.THREADS:
                return
            self.threads.see(thread, row.round)
            self.tables.run(
                "update channels set stage = ?1 where id = ?2 and stage = '' and exists "
                "(select 1 from threads where channel_id = ?2 and due)",
                (Stage.READING.value, thread.channel_id),
            )

    def read_again(self, channel_id: int) -> None:
        """Have the pinned messages of a channel read again: others are pinned now."""
        with self.tables.writing():
            self.tables.run(
                "update channels set stage = ? where id = ? and reads = ?",
                (Stage.PINS.value, channel_id, Reads.PINS.value),
            )

    # What else is remembered.

    def recall(self, key: str) -> str:
        """What is kept under a key, or nothing."""
        rows = self.tables.rows("select value from memory where key = ?", (key,))
        return str(rows[0]["value"]) if rows else ""

    def remember(self, key: str, value: str) -> None:
        """Keep something under a key."""
        with self.tables.writing():
            self.tables.run("insert or replace into memory values (?, ?)", (key, value))

    def _channel(self, channel_id: int) -> "_Row | None":
        for row in self.tables.rows("select * from channels where id = ?", (channel_id,)):
            return _Row(Reads(row["reads"]), Stage(row["stage"]), row["round"], row["cursor"])
        return None


@dataclass(frozen=True, slots=True)
class _Row:
    """Where the round of a channel is."""

    reads: Reads
    stage: Stage
    round: int
    cursor: str


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

"""Archive of synced channels, the backfill that fills it, and the documents made of it.

A channel is fetched in *rounds*: its threads are listed, then each thread is fetched if it is new,
has new messages, or may have changed while the bot was offline. `next_step` returns the next
request. `add_…` stores the response and the progress in one transaction, so a round goes on after
a crash. Between rounds, events about messages and threads are stored one by one.

A thread with an answer becomes a document, as in a chat export. Small talk aside, so does each
message of an announcement channel, and each pinned message of a channel synced for its pins. A
document's scope is its channel, so the bot quotes it only to the channel's readers.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self

from knowledge.chat.conversations import THREAD_MESSAGES, Message
from knowledge.chat.transcript import (
    SOMEONE,
    STEP_MESSAGES,
    Channel,
    documents,
    post_document,
    readable,
)
from knowledge.discord_archive.messages import (
    NO_END,
    ArchivedMessage,
    ArchivedMessages,
    ArchivedThreads,
    Thread,
    first_id,
    new_thread,
)
from knowledge.store.database import DerivedKind, DerivedTables, moment
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.store.rows import record
from knowledge.text import storable
from knowledge.values.documents import Document, Kind, channel_scope
from knowledge.values.guilds import SyncedChannel, SyncedContent


class SyncStage(StrEnum):
    """Stages of a round."""

    DONE = ""
    ACTIVE = "active"
    ARCHIVED = "archived"
    READING = "reading"
    PINS = "pins"


@dataclass(frozen=True, slots=True)
class SyncStep:
    """The next request to Discord: a list of threads, a page of messages or the pinned messages.

    A page has the messages after `after`, of a thread or a channel, `thread_id`. `cursor` is the
    position in the list of archived threads.
    """

    channel_id: int
    stage: SyncStage
    thread_id: int = 0
    after: int = 0
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page of a thread's messages, as returned by Discord, without system messages.

    `end` is the id of the page's last message, possibly a system message, and `last` tells the
    thread's last page. On the first page, `opener` is the id of the text channel's message from
    which the thread was started; else 0.
    """

    messages: Sequence[ArchivedMessage]
    end: int
    last: bool
    opener: int = 0


@dataclass(frozen=True, slots=True)
class ProgressMessage:
    """The ids of the message that shows a sync's progress, and of its channel; 0 if none."""

    channel_id: int = 0
    message_id: int = 0


class ProblemCode(StrEnum):
    """Problems of reading a channel."""

    GONE = "gone"
    SWITCHED_OFF = "switched_off"
    # With `permissions`, by their names in Discord's API.
    LACKS_PERMISSIONS = "lacks_permissions"
    # Temporary; with the HTTP `status`.
    ANSWERED = "answered"
    UNREACHED = "unreached"
    # With an English `text`.
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ChannelProblem:
    """A problem of reading a channel: a code, and values for the sentence to show."""

    code: ProblemCode
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return json.dumps({"code": self.code, **self.values})


def stored_problem(text: str) -> ChannelProblem | None:
    """Parse the text of a `ChannelProblem`; returns None if the text is empty."""
    if not text:
        return None
    values = json.loads(text)
    return ChannelProblem(ProblemCode(values.pop("code")), values)


@dataclass(frozen=True, slots=True)
class ArchivedChannel:
    """A synced channel, its round, and its problem if any."""

    id: int
    guild_id: int
    name: str
    reads: SyncedContent
    stage: SyncStage
    round: int
    cursor: str
    synced_at: datetime | None
    problem: ChannelProblem | None
    place: ProgressMessage

    @property
    def is_busy(self) -> bool:
        return self.stage is not SyncStage.DONE


@dataclass(frozen=True, slots=True)
class Counts:
    """A channel's numbers of threads, unfinished threads, messages and documents."""

    threads: int
    unread: int
    messages: int
    documents: int


# Each round fetches messages of this age again, in case of changes while the bot was offline. Older
# ones are fetched again only by `/source sync`.
RECENT: Final = timedelta(days=14)

_FIRST: Final = {
    SyncedContent.THREADS: SyncStage.ACTIVE,
    SyncedContent.POSTS: SyncStage.READING,
    SyncedContent.PINS: SyncStage.PINS,
}


ARCHIVE: Final = DerivedKind(
    name="channels",
    scripts=Path(__file__).parent,
    file_format=2,
    lock_space=7,
    remedy="Stop the bot and delete it: everything in it is read from Discord again.",
)


class ChannelArchive:
    """The opened archive of synced channels."""

    def __init__(self, tables: DerivedTables) -> None:
        self.tables = tables
        self.threads = ArchivedThreads(self.tables)
        self.messages = ArchivedMessages(self.tables)

    def close(self) -> None:
        self.tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Channels.

    def set_channels(self, channels: Iterable[SyncedChannel]) -> bool:
        """Sync these channels, delete all others, and say whether there was one to delete.

        New channels wait for their first round. Documents of deleted channels have to leave the
        index.
        """
        wanted = {channel.id: channel for channel in channels}
        known = {channel.id: channel.reads for channel in self.channels()}
        others = [
            channel_id
            for channel_id, reads in known.items()
            if channel_id not in wanted or wanted[channel_id].reads is not reads
        ]
        new = [
            channel
            for channel in wanted.values()
            if channel.id in others or channel.id not in known
        ]
        if not others and not new:
            return False
        with self.tables.writing():
            for channel_id in others:
                self._forget(channel_id)
                self.tables.run("delete from channels where id = ?", (channel_id,))
            self.tables.run_many(
                "insert into channels (id, guild_id, name, reads, stage, round, cursor, reason, "
                "place_channel_id, place_message_id) values (?, ?, '', ?, '', 0, '', '', 0, 0) "
                # Another process may have added it meanwhile.
                "on conflict (id) do nothing",
                [(channel.id, channel.guild_id, channel.reads) for channel in new],
            )
        return bool(others)

    def _forget(self, channel_id: int) -> None:
        for table in ("messages", "documents", "openers"):
            self.tables.run(
                f"delete from {table} where thread_id in "  # noqa: S608 - names of ours
                "(select id from threads where channel_id = ?)",
                (channel_id,),
            )
        self.tables.run("delete from threads where channel_id = ?", (channel_id,))

    def channels(self) -> list[ArchivedChannel]:
        return [_channel(row) for row in self.tables.rows("select * from channels order by id")]

    def channel(self, channel_id: int) -> ArchivedChannel | None:
        for row in self.tables.rows("select * from channels where id = ?", [channel_id]):
            return _channel(row)
        return None

    def counts(self, channel_id: int) -> Counts:
        [counts] = self.tables.records(
            Counts,
            "select count(*) as threads, coalesce(sum(due), 0) as unread, "
            "(select count(*) from messages m join threads h on h.id = m.thread_id "
            " where h.channel_id = ?) as messages, "
            "(select count(*) from documents d join threads h on h.id = d.thread_id "
            " where h.channel_id = ?) as documents "
            "from threads where channel_id = ?",
            [channel_id] * 3,
        )
        return counts

    def rename(self, channel_id: int, name: str) -> None:
        name = storable(name)
        with self.tables.writing():
            self.tables.run(
                "update channels set name = ? where id = ? and name <> ?", (name, channel_id, name)
            )

    def set_progress_message(self, channel_id: int, place: ProgressMessage) -> None:
        with self.tables.writing():
            self.tables.run(
                "update channels set place_channel_id = ?, place_message_id = ? where id = ?",
                (place.channel_id, place.message_id, channel_id),
            )

    def fail(self, channel_id: int, reason: ChannelProblem, *, lost: bool) -> None:
        """Record why a channel can't be read, and end its round.

        If the channel is `lost`, its messages are deleted, so they can't be quoted any more.
        """
        with self.tables.writing():
            if lost:
                self._forget(channel_id)
            self.tables.run(
                "update channels set reason = ?, stage = '', cursor = '' where id = ?",
                (str(reason), channel_id),
            )

    # Rounds.

    def record_problem(self, channel_id: int, reason: ChannelProblem | None) -> None:
        """Record a temporary problem of a round; None clears the problem."""
        with self.tables.writing():
            self.tables.run(
                "update channels set reason = ? where id = ? and reason <> ?",
                (str(reason or ""), channel_id, str(reason or "")),
            )

    def begin_round(self, channel_id: int, now: datetime, *, whole: bool = False) -> None:
        """Begin a round, anew if one hasn't ended; if `whole`, all messages are fetched again."""
        row = self.channel(channel_id)
        if row is None:
            return
        since = 0 if whole else first_id(now - RECENT)
        with self.tables.writing():
            self.tables.run(
                "update channels set stage = ?, round = round + 1, cursor = '', reason = '' "
                "where id = ?",
                [_FIRST[row.reads], channel_id],
            )
            if row.reads is SyncedContent.THREADS:
                self.tables.run(
                    # In a long thread, like in a channel, only recent messages are fetched again.
                    "update threads set due = 1, read_to = case when (select count(*) from "
                    "messages m where m.thread_id = threads.id) <= ? then 0 "
                    "when read_to < ? then read_to else ? end "
                    "where channel_id = ? and last_id >= ? and read_to > 0",
                    (THREAD_MESSAGES, since, since, channel_id, since),
                )
                return
            # The channel itself is its only thread.
            thread = new_thread(Thread(channel_id, channel_id, ""), 0)
            self.tables.insert_new("threads", {**thread, "changed": 0})
            self.tables.run(
                "update threads set due = 1, "
                "read_to = case when read_to < ? then read_to else ? end where id = ?",
                (since, since, channel_id),
            )

    def next_step(self, channel_id: int) -> SyncStep | None:
        """The next request to Discord; None at the end of the round.

        Threads with the latest messages come first, because members ask about them most.
        """
        row = self.channel(channel_id)
        if row is None or row.stage is SyncStage.DONE:
            return None
        stage = row.stage
        if stage is not SyncStage.READING:
            return SyncStep(channel_id, stage, channel_id, cursor=row.cursor)
        if row.reads is SyncedContent.PINS:
            return None
        for thread in self.tables.rows(
            "select id, read_to from threads where channel_id = ? and due = 1 "
            "order by last_id desc limit 1",
            [channel_id],
        ):
            return SyncStep(channel_id, stage, thread["id"], thread["read_to"])
        return None

    def add_threads(
        self, step: SyncStep, threads: Sequence[Thread], cursor: str, *, last: bool
    ) -> None:
        """Store a page of the list of threads; the next page begins at `cursor`, if any."""
        following = SyncStage.ARCHIVED if step.stage is SyncStage.ACTIVE else SyncStage.READING
        with self.tables.writing():
            row = self.channel(step.channel_id)
            if row is None or row.stage is not step.stage:
                return
            for thread in threads:
                self.threads.save(thread, row.round, listed=True)
            self.tables.run(
                "update channels set stage = ?, cursor = ? where id = ?",
                [following if last else step.stage, "" if last else cursor, step.channel_id],
            )

    def add_page(
        self, step: SyncStep, page: MessagePage, withheld: Withheld, leave: Collection[int] = ()
    ) -> None:
        """Store a page of messages with the progress.

        Messages with ids in `leave` stay as they are, because an event changed them meanwhile.
        """
        kept = [written for written in page.messages if written.message not in withheld]
        with self.tables.writing():
            rows = self.tables.rows("select * from threads where id = ?", (step.thread_id,))
            # The thread may be deleted meanwhile, or its fetch begun again.
            if not rows or rows[0]["read_to"] != step.after or not rows[0]["due"]:
                return
            stretch = (step.after, NO_END if page.last else page.end)
            self.messages.replace(step.thread_id, stretch, kept, leave)
            if page.opener:
                self.threads.record_opener(step.thread_id, page.opener)
            read_to = max(page.end, rows[0]["last_id"]) if page.last else page.end
            self.tables.run(
                "update threads set read_to = ?, due = ?, reason = '', "
                "whole = case when ? = 1 then 1 else whole end where id = ?",
                (read_to, int(not page.last), int(page.last), step.thread_id),
            )
            if len(kept) < len(page.messages):
                self.threads.mark_lacking([step.thread_id])

    def add_pins(
        self,
        step: SyncStep,
        pins: Sequence[ArchivedMessage],
        withheld: Withheld,
        leave: Collection[int] = (),
    ) -> None:
        kept = [written for written in pins if written.message not in withheld]
        with self.tables.writing():
            row = self.channel(step.channel_id)
            # A message changed meanwhile is fetched again: the change may not be stored yet.
            changed = any(written.message.id in leave for written in pins)
            if row is None or row.stage is not SyncStage.PINS or changed:
                return
            self.messages.replace(step.channel_id, (0, NO_END), kept, leave)
            self.tables.run(
                "update threads set due = 0, whole = 1 where id = ?", (step.channel_id,)
            )
            self.tables.run(
                "update channels set stage = ? where id = ?", [SyncStage.READING, step.channel_id]
            )

    def end_round(self, channel_id: int, now: datetime) -> list[str]:
        """End a finished round, and delete unlisted threads; returns the ids of their documents."""
        gone: list[str] = []
        with self.tables.writing():
            row = self.channel(channel_id)
            if row is None or not row.is_busy or self.next_step(channel_id) is not None:
                return []
            if row.reads is SyncedContent.THREADS:
                sql = "select id from threads where channel_id = ? and round <> ?"
                unlisted = self.tables.column(sql, [channel_id, row.round])
                gone = [document for key in unlisted for document in self.threads.forget(key)]
            self.tables.run(
                "update channels set stage = '', synced_at = ? where id = ?",
                (now.astimezone(UTC).isoformat(), channel_id),
            )
        return gone

    def save_thread(self, thread: Thread) -> None:
        """Store a thread from an event; the messages of a new thread are fetched next."""
        with self.tables.writing():
            row = self.channel(thread.channel_id)
            if row is None or row.reads is not SyncedContent.THREADS:
                return
            self.threads.save(thread, row.round, listed=False)
            self.tables.run(
                "update channels set stage = ? where id = ? and stage = '' and exists "
                "(select 1 from threads where channel_id = ? and due = 1)",
                [SyncStage.READING, thread.channel_id, thread.channel_id],
            )

    def refetch_pins(self, channel_id: int) -> None:
        """Fetch a channel's pinned messages again."""
        with self.tables.writing():
            self.tables.run(
                "update channels set stage = ? where id = ? and reads = ?",
                [SyncStage.PINS, channel_id, SyncedContent.PINS],
            )

    def refetch_lacking(self) -> None:
        with self.tables.writing():
            self.tables.run(
                "update channels set stage = case reads when 'pins' then 'pins' else 'reading' end "
                "where stage = '' and exists "
                "(select 1 from threads where channel_id = channels.id and lacks = 1)"
            )
            self.tables.run("update threads set due = 1, read_to = 0, lacks = 0 where lacks = 1")

    def messages_of(self, author_id: int) -> list[dict[str, Any]]:
        """All stored messages of an author, by age."""
        return self.tables.rows(
            "select c.guild_id as guild, c.id as channel, t.id as thread, m.id, m.author, m.text, "
            "m.edited_at from messages m join threads t on t.id = m.thread_id "
            "join channels c on c.id = t.channel_id where m.author_id = ? order by m.id",
            [author_id],
        )

    # Key-value memory.

    def recall(self, key: str) -> str:
        return self.tables.value(str, "select value from memory where key = ?", [key]) or ""

    def remember(self, key: str, value: str) -> None:
        with self.tables.writing():
            self.tables.replace("memory", {"key": key, "value": value}, ["key"])


def _channel(row: dict[str, Any]) -> ArchivedChannel:
    return record(
        ArchivedChannel,
        row,
        synced_at=moment(row["synced_at"]),
        problem=stored_problem(row["reason"]),
        place=ProgressMessage(row["place_channel_id"], row["place_message_id"]),
    )


_PREFIX: Final = "channel:"


# Documents.


def prefix(channel_id: int, thread_id: int | None = None) -> str:
    """The common prefix of ids of a channel's or thread's documents."""
    thread = "" if thread_id is None else f"{thread_id}:"
    return f"{_PREFIX}{channel_id}:{thread}"


def message_document(channel_id: int, message_id: int) -> str:
    return f"{prefix(channel_id, channel_id)}{message_id}"


def thread_of(document_id: str) -> int | None:
    parts = document_id.split(":")
    is_ours = document_id.startswith(_PREFIX) and len(parts) > 2 and parts[2].isdecimal()
    return int(parts[2]) if is_ours else None


def thread_documents(
    archive: ChannelArchive, channel: ArchivedChannel, thread: Thread, withheld: Withheld
) -> Iterator[Document | None]:
    """The documents of a thread. Yields None at times, so the caller can do other work.

    A channel synced for its posts or pins counts as one thread. Mentions of members in `withheld`
    become "someone"; their messages aren't in the archive.
    """
    messages = (quotable(written, withheld) for written in archive.messages.read(thread.id))
    made = (
        _threads(channel, thread, archive.threads.opener(thread.id), messages)
        if channel.reads is SyncedContent.THREADS
        else _posts(channel, messages)
    )
    for document in made:
        yield document and replace(
            document, id=f"{prefix(channel.id)}{document.id}", kind=Kind.CHANNEL
        )


def documents_of_thread(
    archive: ChannelArchive, thread_id: int, withheld: Withheld
) -> Iterator[Document | None]:
    thread = archive.threads.get(thread_id)
    channel = archive.channel(thread.channel_id) if thread is not None else None
    if thread is not None and channel is not None:
        yield from thread_documents(archive, channel, thread, withheld)


def _threads(
    channel: ArchivedChannel, thread: Thread, opener: int, messages: Iterator[Message]
) -> Iterator[Document | None]:
    first = next(messages, None)
    # The opening message is the thread's subject. Without it no reply can be an answer, and its
    # author wrote the title, too.
    if first is None or first.id != opener:
        return
    place = Channel(
        guild_id=channel.guild_id,
        id=thread.id,
        name=thread.name,
        parent=channel.name,
        thread=True,
        solved=thread.solved,
    )
    yield from documents(place, chain([first], messages), channel_scope(channel.id))


def _posts(channel: ArchivedChannel, messages: Iterator[Message]) -> Iterator[Document | None]:
    place = Channel(guild_id=channel.guild_id, id=channel.id, name=channel.name)
    for number, message in enumerate(messages):
        if number % STEP_MESSAGES == 0:
            yield None
        yield post_document(place, message, channel_scope(channel.id))


def quotable(written: ArchivedMessage, withheld: Withheld) -> Message:
    """A copy of the message with readable mentions; withheld members become "someone"."""
    text = written.message.text
    if "<" not in text and "@" not in text:
        return written.message
    members = {
        key: SOMEONE if key in withheld.member_ids else name
        for key, name in written.members.items()
    }
    return replace(written.message, text=readable(text, members, written.channels))

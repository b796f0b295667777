"""Channel sync steps: choose the next request, and store or delete messages in the archive.

The functions run in the worker's thread. When a function returns, content that may no longer be
shown has left the index. New content is embedded later, in slices
(`index_updates.update_channels`).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from bot.core.core import Core
from indexer.ingest.channels import withdraw
from knowledge.discord_archive.archive import (
    ArchivedChannel,
    ChannelProblem,
    Counts,
    MessagePage,
    ProgressMessage,
    SyncStep,
    prefix,
)
from knowledge.discord_archive.messages import ArchivedMessage, Thread
from knowledge.values.guilds import SyncedChannel, SyncedContent


class ChannelReport(NamedTuple):
    """A synced channel with its counts, and the names and failure reasons of its failed threads."""

    channel: ArchivedChannel
    counts: Counts
    failures: tuple[tuple[str, str], ...] = ()


def add(
    core: Core,
    channel: SyncedChannel,
    name: str,
    actor_id: int,
    now: datetime,
    place: ProgressMessage,
) -> bool:
    """Start to sync a channel; False if it was synced already.

    `place` is the message that shows the progress. `place` is stored before the first step, because
    a small channel may be finished at once.
    """
    if not core.store.synced_channels.add(channel, actor_id):
        return False
    core.archive.set_channels(core.store.synced_channels.all())
    core.archive.rename(channel.id, name)
    core.archive.set_progress_message(channel.id, place)
    core.archive.begin_round(channel.id, now)
    return True


def remove(core: Core, channel_id: int, guild_id: int, actor_id: int) -> bool:
    """Stop syncing a channel and delete its content; False if it was not synced."""
    if not core.store.synced_channels.remove(channel_id, guild_id, actor_id):
        return False
    core.archive.set_channels(core.store.synced_channels.all())
    _delete_content(core, channel_id)
    return True


def reports(core: Core, guild_id: int | None = None) -> list[ChannelReport]:
    core.archive.set_channels(core.store.synced_channels.all())
    return [
        report(core, channel)
        for channel in core.archive.channels()
        if guild_id in (None, channel.guild_id)
    ]


def report(core: Core, channel: ArchivedChannel) -> ChannelReport:
    failures = core.archive.threads.failures(channel.id)
    told = tuple((thread.name, reason) for thread, reason in failures)
    return ChannelReport(channel, core.archive.counts(channel.id), told)


def end_progress(core: Core, channel_id: int) -> None:
    """Stop showing a channel's progress in its message."""
    core.archive.set_progress_message(channel_id, ProgressMessage())


def begin_round(
    core: Core, channel_ids: Iterable[int], now: datetime, *, whole: bool = False
) -> None:
    """Start a sync round for each channel. With `whole`, everything is read again."""
    core.archive.set_channels(core.store.synced_channels.all())
    for channel_id in channel_ids:
        core.archive.begin_round(channel_id, now, whole=whole)


class Next(NamedTuple):
    """The next request and its channel, and reports on channels whose round has just ended."""

    step: SyncStep | None
    channel: ArchivedChannel | None = None
    ended: tuple[ChannelReport, ...] = ()


def next_step(core: Core, present: Collection[int], now: datetime) -> Next:
    """Find the next step of the first unfinished channel in the `present` guilds.

    If a channel has no next step, its round ends, and its deleted content leaves the index.
    """
    ended: list[ChannelReport] = []
    for channel in core.archive.channels():
        if not channel.is_busy or channel.guild_id not in present:
            continue
        step = core.archive.next_step(channel.id)
        if step is not None:
            return Next(step, channel, tuple(ended))
        _unindex(core, core.archive.end_round(channel.id, now))
        now_ended = core.archive.channel(channel.id)
        if now_ended is not None:
            ended.append(report(core, now_ended))
    return Next(None, None, tuple(ended))


def add_threads(
    core: Core, step: SyncStep, threads: Sequence[Thread], cursor: str, *, last: bool
) -> None:
    """Store a page of a channel's list of threads; `last` marks the final page."""
    core.archive.add_threads(step, threads, cursor, last=last)
    core.archive.record_problem(step.channel_id, None)


def add_page(core: Core, step: SyncStep, page: MessagePage, skip: Collection[int]) -> None:
    """Store a page of messages, without those in `skip`, changed since the page was requested."""
    core.archive.add_page(step, page, core.store.quote_opt_outs.withheld(), skip)
    core.archive.record_problem(step.channel_id, None)


def add_pins(
    core: Core, step: SyncStep, pins: Sequence[ArchivedMessage], skip: Collection[int]
) -> None:
    """Store pinned messages, without the messages in `skip`, as in `add_page`."""
    core.archive.add_pins(step, pins, core.store.quote_opt_outs.withheld(), skip)
    core.archive.record_problem(step.channel_id, None)


def fail_channel(core: Core, channel_id: int, reason: ChannelProblem) -> ChannelReport | None:
    """Delete the content of an unreadable channel, record the reason, and report the channel."""
    core.archive.fail(channel_id, reason, lost=True)
    _delete_content(core, channel_id)
    channel = core.archive.channel(channel_id)
    return report(core, channel) if channel is not None else None


def store_live_message(core: Core, thread: Thread, written: ArchivedMessage) -> bool:
    """Store a new message of a synced channel or thread. Return whether anything changed."""
    core.archive.save_thread(thread)
    return store_edit(core, thread.id, written)


def store_edit(core: Core, thread_id: int, written: ArchivedMessage) -> bool:
    """Store an edited message, and return whether anything changed.

    A message that wasn't stored before is stored, too, unless only the channel's pins are synced.
    """
    thread = core.archive.threads.get(thread_id)
    channel = core.archive.channel(thread.channel_id) if thread is not None else None
    if thread is None or channel is None:
        return False
    if channel.reads is SyncedContent.PINS and not core.archive.messages.threads_of(
        [written.message.id]
    ):
        return False
    if written.message in core.store.quote_opt_outs.withheld():
        core.archive.threads.mark_lacking([thread_id])
        return False
    return core.archive.messages.save(thread_id, written)


def delete_messages(core: Core, message_ids: Collection[int]) -> int:
    """Delete messages and their quotations. Return the number of deleted messages."""
    found = core.archive.messages.threads_of(message_ids)
    if not found:
        return 0
    core.archive.messages.forget([each for ids in found.values() for each in ids])
    withheld = core.store.quote_opt_outs.withheld()
    for thread_id, ids in found.items():
        withdraw(core.index, core.archive, withheld, thread_id, ids)
    return sum(len(ids) for ids in found.values())


def delete_thread(core: Core, thread_id: int) -> None:
    thread = core.archive.threads.get(thread_id)
    if thread is not None:
        core.archive.threads.forget(thread_id)
        # Documents being indexed aren't in the archive yet, so delete by the index's entries.
        _unindex(core, core.index.tables.digests_under(prefix(thread.channel_id, thread_id)))


def _delete_content(core: Core, channel_id: int) -> None:
    _unindex(core, core.index.tables.digests_under(prefix(channel_id)))


def _unindex(core: Core, document_ids: Iterable[str]) -> None:
    gone = sorted(document_ids)
    if gone:
        core.index.tables.apply([], gone)

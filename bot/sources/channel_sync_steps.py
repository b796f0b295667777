"""Channel sync steps: messages are stored and deleted in the archive, the next request is chosen.

Each function takes the core that it works on, so that it can be called in the worker's thread.
What nobody may be shown any more leaves the index before a function returns; what can be shown
follows in slices (`index_updates.update_channels`), because it has to be embedded.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.core import Core
from indexer.ingest.channels import withdraw
from knowledge.channels.documents import prefix
from knowledge.channels.messages import ArchivedMessage
from knowledge.channels.sync_state import (
    ArchivedChannel,
    ChannelProblem,
    Counts,
    MessagePage,
    ProgressMessage,
    SyncStep,
)
from knowledge.channels.threads import Thread
from knowledge.values.synced_channels import SyncedChannel, SyncedContent


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """A followed channel for people: where it is, how much there is, and which threads failed."""

    channel: ArchivedChannel
    counts: Counts
    failures: tuple[tuple[str, str], ...] = ()


# Which channels.


def add(
    core: Core,
    channel: SyncedChannel,
    name: str,
    actor_id: int,
    now: datetime,
    place: ProgressMessage,
) -> bool:
    """Follow a channel, and begin to read it; False if it was followed before.

    How far reading is will be said in the message at `place`, which is known before the first step
    can be taken: a channel with little in it may be read by the next moment.
    """
    if not core.store.synced_channels.add(channel, actor_id):
        return False
    core.archive.set_channels(core.store.synced_channels.all())
    core.archive.rename(channel.id, name)
    core.archive.set_progress_message(channel.id, place)
    core.archive.begin_round(channel.id, now)
    return True


def remove(core: Core, channel_id: int, guild_id: int, actor_id: int) -> bool:
    """Follow a channel no more; nothing of it is left. False if it was not followed there."""
    if not core.store.synced_channels.remove(channel_id, guild_id, actor_id):
        return False
    core.archive.set_channels(core.store.synced_channels.all())
    _take_out(core, channel_id)
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


def followed(core: Core) -> Sequence[SyncedChannel]:
    return core.store.synced_channels.all()


def rename(core: Core, channel_id: int, name: str) -> None:
    core.archive.rename(channel_id, name)


def end_progress(core: Core, channel_id: int) -> None:
    """Forget the message that shows a channel's progress."""
    core.archive.set_progress_message(channel_id, ProgressMessage())


# Reading.


def begin(core: Core, channel_ids: Iterable[int], now: datetime, *, whole: bool = False) -> None:
    """Begin a round of each of these channels; `whole` reads everything once more."""
    core.archive.set_channels(core.store.synced_channels.all())
    for channel_id in channel_ids:
        core.archive.begin_round(channel_id, now, whole=whole)


@dataclass(frozen=True, slots=True)
class Next:
    """What to ask Discord for, of which channel; and the channels whose rounds have ended."""

    step: SyncStep | None
    channel: ArchivedChannel | None = None
    ended: tuple[ChannelReport, ...] = ()


def next_step(core: Core, present: Collection[int], now: datetime) -> Next:
    """The next step of the first channel that is being read in these guilds.

    Rounds in which nothing is left are ended on the way; what is gone leaves the index.
    """
    ended: list[ChannelReport] = []
    for channel in core.archive.channels():
        if not channel.is_busy or channel.guild_id not in present:
            continue
        step = core.archive.next_step(channel.id)
        if step is not None:
            return Next(step, channel, tuple(ended))
        _remove(core, core.archive.end_round(channel.id, now))
        now_ended = core.archive.channel(channel.id)
        if now_ended is not None:
            ended.append(report(core, now_ended))
    return Next(None, None, tuple(ended))


def take_threads(
    core: Core, step: SyncStep, threads: Sequence[Thread], cursor: str, *, last: bool
) -> None:
    """Take in a part of the list of a channel's threads; `last` ends it."""
    core.archive.take_threads(step, threads, cursor, last=last)
    core.archive.record_problem(step.channel_id, None)


def take_page(core: Core, step: SyncStep, page: MessagePage, leave: Collection[int]) -> None:
    """Take in a page of messages, but for those of which something newer was heard."""
    core.archive.take_page(step, page, core.store.quote_opt_outs.withheld(), leave)
    core.archive.record_problem(step.channel_id, None)


def take_pins(
    core: Core, step: SyncStep, pins: Sequence[ArchivedMessage], leave: Collection[int]
) -> None:
    """Take in the pinned messages of a channel, but for those of which something was heard."""
    core.archive.take_pins(step, pins, core.store.quote_opt_outs.withheld(), leave)
    core.archive.record_problem(step.channel_id, None)


def failed(core: Core, channel_id: int, reason: ChannelProblem) -> ChannelReport | None:
    """A channel can't be read any more: what was read of it is gone, the reason stays."""
    core.archive.fail(channel_id, reason, lost=True)
    _take_out(core, channel_id)
    channel = core.archive.channel(channel_id)
    return report(core, channel) if channel is not None else None


# What is heard in between.


def store_live_message(core: Core, thread: Thread, written: ArchivedMessage) -> bool:
    """Take in a message that was just written in a thread, or a channel, that is read."""
    core.archive.put_thread(thread)
    return edited(core, thread.id, written)


def edited(core: Core, thread_id: int, written: ArchivedMessage) -> bool:
    """Take in what a message says now.

    It may be one that no page has brought yet, because that page is on its way. Of pinned messages,
    only one that is kept is followed.
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
    return core.archive.messages.put(thread_id, written)


def forgotten(core: Core, message_ids: Collection[int]) -> int:
    """Forget messages that were deleted, and whatever quotes them; returns how many there were."""
    found = core.archive.messages.threads_of(message_ids)
    if not found:
        return 0
    core.archive.messages.forget([each for ids in found.values() for each in ids])
    withheld = core.store.quote_opt_outs.withheld()
    for thread_id, ids in found.items():
        withdraw(core.index, core.archive, withheld, thread_id, ids)
    return sum(len(ids) for ids in found.values())


def put_thread(core: Core, thread: Thread) -> None:
    core.archive.put_thread(thread)


def refetch_pins(core: Core, channel_id: int) -> None:
    core.archive.refetch_pins(channel_id)


def fail_thread(core: Core, thread_id: int, reason: str) -> None:
    core.archive.threads.fail(thread_id, reason)


def record_problem(core: Core, channel_id: int, problem: ChannelProblem) -> None:
    core.archive.record_problem(channel_id, problem)


def thread_gone(core: Core, thread_id: int) -> None:
    thread = core.archive.threads.get(thread_id)
    if thread is not None:
        core.archive.threads.forget(thread_id)
        # Those that are being put in at this moment are not remembered yet.
        _remove(core, core.index.tables.digests_under(prefix(thread.channel_id, thread_id)))


# Taking out.


def _take_out(core: Core, channel_id: int) -> None:
    _remove(core, core.index.tables.digests_under(prefix(channel_id)))


def _remove(core: Core, document_ids: Iterable[str]) -> None:
    gone = sorted(document_ids)
    if gone:
        core.index.tables.apply([], gone)

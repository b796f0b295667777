"""A forum as plain values, and the driver of its sync: one request and one response at a time."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.sources import channel_sync_steps
from indexer.ingest.pipeline import Progress
from knowledge.chat.conversations import Message
from knowledge.discord_archive.archive import MessagePage, SyncStage, SyncStep, prefix
from knowledge.discord_archive.messages import ArchivedMessage, Thread, first_id, time_of

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
PAGE = 3

# Each has a word of its own; the first asks, the second answers.
TEXTS = (
    "How do I pitch a tent in deep snow when the wind is strong, number {}?",
    "Use long snow pegs and dig them in flat, that held at number {} for us.",
    "Thanks, that worked!",
)


@dataclass
class Server:
    """What Discord has of one forum."""

    channel_id: int
    threads: dict[int, Thread] = field(default_factory=dict)
    messages: dict[int, dict[int, ArchivedMessage]] = field(default_factory=dict)
    _words: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        # No two channels have an id in common.
        self._ids = itertools.count(first_id(NOW) + (self.channel_id << 36), 1 << 22)

    def begin(self) -> tuple[Thread, ArchivedMessage]:
        """A new thread with its first post."""
        thread_id = next(self._ids)
        self.threads[thread_id] = Thread(thread_id, self.channel_id, "Snow")
        self.messages[thread_id] = {}
        written = self._said(thread_id, thread_id, 0)
        return self.threads[thread_id], written

    def write(self, thread_id: int) -> ArchivedMessage:
        """A message by the next of three members."""
        number = len(self.messages[thread_id])
        return self._said(thread_id, next(self._ids), number)

    def edit(self, thread_id: int, message_id: int) -> ArchivedMessage:
        """The same message with other words."""
        before = self.messages[thread_id][message_id]
        text = f"{TEXTS[1].format(next(self._words))} Edited."
        edited = replace(
            before, message=replace(before.message, text=text), edited_at=NOW + timedelta(hours=1)
        )
        self.messages[thread_id][message_id] = edited
        return edited

    def _said(self, thread_id: int, message_id: int, number: int) -> ArchivedMessage:
        text = TEXTS[number % len(TEXTS)].format(next(self._words))
        author = number % 2 + 1
        message = Message(message_id, author, f"Member {author}", time_of(message_id), text)
        self.messages[thread_id][message_id] = ArchivedMessage(message)
        self.threads[thread_id] = replace(self.threads[thread_id], last_id=message_id)
        return self.messages[thread_id][message_id]

    def answer(self, step: SyncStep) -> list[Thread] | MessagePage | None:
        """What Discord answers to a step at this moment; None for a thread that is gone."""
        if step.stage is not SyncStage.READING:
            return [*self.threads.values()] if step.stage is SyncStage.ACTIVE else []
        if step.thread_id not in self.threads:
            return None
        after = sorted(each for each in self.messages[step.thread_id] if each > step.after)
        page = [self.messages[step.thread_id][each] for each in after[:PAGE]]
        return MessagePage(page, max(after[:PAGE], default=step.after), len(after) < PAGE)


class SyncDriver:
    """The bot's half: syncs the forum into a core, a request and a response at a time."""

    def __init__(self, core: Core, server: Server) -> None:
        self.core, self.server = core, server
        self.on = True
        self._asked: tuple[SyncStep, list[Thread] | MessagePage | None] | None = None
        self._heard: set[int] = set()
        self._update: Iterator[Progress] = iter(())

    def hear(self, thread: Thread, written: ArchivedMessage, *, new: bool) -> None:
        if not self.on:
            return
        self._heard.add(written.message.id)
        if new:
            channel_sync_steps.store_live_message(self.core, thread, written)
        else:
            channel_sync_steps.store_edit(self.core, thread.id, written)

    def hear_deleted(self, message_id: int) -> None:
        if self.on:
            self._heard.add(message_id)
            channel_sync_steps.delete_messages(self.core, [message_id])

    def ask(self) -> None:
        """Ask for the next page, after the lists before it; the answer is on its way."""
        while self.on and self._asked is None:
            found = channel_sync_steps.next_step(self.core, [self.server.channel_id], NOW)
            if found.step is None:
                return
            self._heard.clear()
            self._asked = (found.step, self.server.answer(found.step))
            if found.step.stage is not SyncStage.READING:
                self.take()

    def take(self) -> None:
        """The answer arrives."""
        if self._asked is None:
            return
        (step, answer), self._asked = self._asked, None
        if answer is None:
            channel_sync_steps.delete_thread(self.core, step.thread_id)
        elif isinstance(answer, MessagePage):
            channel_sync_steps.add_page(self.core, step, answer, {*self._heard})
        else:
            channel_sync_steps.add_threads(self.core, step, answer, "", last=True)

    def turn_off(self) -> None:
        """The bot stops; what was on its way is lost."""
        self.on, self._asked, self._update = False, None, iter(())

    def turn_on(self) -> None:
        if not self.on:
            self.on = True
            channel_sync_steps.begin_round(self.core, [self.server.channel_id], NOW)

    def update(self, steps: int) -> None:
        """Some slices of bringing the index up to date."""
        for _ in range(steps):
            if next(self._update, None) is None:
                self._update = index_updates.update_channels(self.core)

    def finish(self) -> None:
        """Read on until nothing is left."""
        self.turn_on()
        self.take()
        for _ in range(500):
            self.ask()
            if self._asked is None:
                break
            self.take()
        run_to_end(index_updates.update_channels(self.core))


def documents(core: Core, channel_id: int) -> dict[str, str]:
    """What the index has of a channel: ids and texts, without the channel's and guild's ids."""
    found = {}
    for document_id in core.index.tables.digests_under(prefix(channel_id)):
        passages = core.index.tables.document_passages(document_id)
        text = "\n".join(each.text for each in passages)
        found[document_id.split(":", 2)[2]] = text.replace(f"/channels/{channel_id}/", "/")
    return found

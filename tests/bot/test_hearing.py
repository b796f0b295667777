"""Reading channels: whatever order pages and news come in, what is kept is what Discord has."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import hearing
from bot.config import DataSettings, Settings
from bot.core import Core, run_to_end
from indexer.pipeline import Progress
from knowledge.channels import FollowedChannel, Reads
from knowledge.chat import Message
from knowledge.heard_documents import prefix
from knowledge.heard_messages import Written, first_id, time_of
from knowledge.heard_threads import Thread
from knowledge.heard_values import Page, Stage, Step
from tests.fakes import WordEmbedder

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
    messages: dict[int, dict[int, Written]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(first_id(NOW), 1 << 22))
    _words: Iterator[int] = field(default_factory=itertools.count)

    def begin(self) -> tuple[Thread, Written]:
        """A new thread with its first post."""
        thread_id = next(self._ids)
        self.threads[thread_id] = Thread(thread_id, self.channel_id, "Snow")
        self.messages[thread_id] = {}
        written = self._said(thread_id, thread_id, 0)
        return self.threads[thread_id], written

    def write(self, thread_id: int) -> Written:
        """A message by the next of three members."""
        number = len(self.messages[thread_id])
        return self._said(thread_id, next(self._ids), number)

    def edit(self, thread_id: int, message_id: int) -> Written:
        """The same message with other words."""
        before = self.messages[thread_id][message_id]
        text = f"{TEXTS[1].format(next(self._words))} Edited."
        edited = replace(
            before, message=replace(before.message, text=text), edited_at=NOW + timedelta(hours=1)
        )
        self.messages[thread_id][message_id] = edited
        return edited

    def _said(self, thread_id: int, message_id: int, number: int) -> Written:
        text = TEXTS[number % len(TEXTS)].format(next(self._words))
        author = number % 2 + 1
        message = Message(message_id, author, f"Member {author}", time_of(message_id), text)
        self.messages[thread_id][message_id] = Written(message)
        self.threads[thread_id] = replace(self.threads[thread_id], last_id=message_id)
        return self.messages[thread_id][message_id]

    def answer(self, step: Step) -> list[Thread] | Page | None:
        """What Discord answers to a step at this moment; None for a thread that is gone."""
        if step.stage is not Stage.READING:
            return [*self.threads.values()] if step.stage is Stage.ACTIVE else []
        if step.thread_id not in self.threads:
            return None
        after = sorted(each for each in self.messages[step.thread_id] if each > step.after)
        page = [self.messages[step.thread_id][each] for each in after[:PAGE]]
        return Page(page, max(after[:PAGE], default=step.after), len(after) < PAGE)


class Reader:
    """The bot's half: reads the server into a core, a request and an answer at a time."""

    def __init__(self, core: Core, server: Server) -> None:
        self.core, self.server = core, server
        self.on = True
        self._asked: tuple[Step, list[Thread] | Page | None] | None = None
        self._heard: set[int] = set()
        self._update: Iterator[Progress] = iter(())

    def hear(self, thread: Thread, written: Written, *, new: bool) -> None:
        if not self.on:
            return
        self._heard.add(written.message.id)
        if new:
            hearing.heard(self.core, thread, written)
        else:
            hearing.edited(self.core, thread.id, written)

    def hear_deleted(self, message_id: int) -> None:
        if self.on:
            self._heard.add(message_id)
            hearing.forgotten(self.core, [message_id])

    def ask(self) -> None:
        """Ask for the next page, after the lists before it; the answer is on its way."""
        while self.on and self._asked is None:
            found = hearing.next_step(self.core, [self.server.channel_id], NOW)
            if found.step is None:
                return
            self._heard.clear()
            self._asked = (found.step, self.server.answer(found.step))
            if found.step.stage is not Stage.READING:
                self.take()

    def take(self) -> None:
        """The answer arrives."""
        if self._asked is None:
            return
        (step, answer), self._asked = self._asked, None
        if answer is None:
            hearing.thread_gone(self.core, step.thread_id)
        elif isinstance(answer, Page):
            hearing.take_page(self.core, step, answer, {*self._heard})
        else:
            hearing.take_threads(self.core, step, answer, "", True)

    def turn_off(self) -> None:
        """The bot stops; what was on its way is lost."""
        self.on, self._asked, self._update = False, None, iter(())

    def turn_on(self) -> None:
        """The bot starts."""
        if not self.on:
            self.on = True
            hearing.begin(self.core, [self.server.channel_id], NOW)

    def update(self, steps: int) -> None:
        """Some slices of bringing the index up to date."""
        for _ in range(steps):
            if next(self._update, None) is None:
                self._update = self.core.update_channels()

    def finish(self) -> None:
        """Read on until nothing is left."""
        self.turn_on()
        self.take()
        for _ in range(500):
            self.ask()
            if self._asked is None:
                break
            self.take()
        run_to_end(self.core.update_channels())


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    folder = tmp_path_factory.mktemp("hearing")
    with Core(Settings(data=DataSettings(folder=folder)), WordEmbedder()) as opened:
        yield opened


@pytest.fixture(scope="module")
def other_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    folder = tmp_path_factory.mktemp("hearing")
    with Core(Settings(data=DataSettings(folder=folder)), WordEmbedder()) as opened:
        yield opened


_CHANNELS = itertools.count(1)


def begun(core: Core) -> Reader:
    channel_id = next(_CHANNELS)
    # Each has a guild of its own, so that nobody else reads it.
    channel = FollowedChannel(channel_id, channel_id, Reads.THREADS, NOW)
    assert hearing.add(core, channel, "snow", 9, NOW)
    return Reader(core, Server(channel_id))


def documents(core: Core, channel_id: int) -> dict[str, str]:
    """What the index has of a channel: ids and texts, without the channel's and guild's ids."""
    found = {}
    for document_id in core.index.digests_under(prefix(channel_id)):
        passages = core.index.document_passages(document_id)
        text = "\n".join(each.text for each in passages)
        found[document_id.split(":", 2)[2]] = text.replace(f"/channels/{channel_id}/", "/")
    return found


_ACTIONS = (
    "begin write write write edit delete delete drop solve settle ask ask take update update off on"
)
ACTION = st.sampled_from(_ACTIONS.split(" "))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(ACTION, st.integers(0, 1_000)), min_size=15, max_size=60))
def test_pages_and_news_in_any_order_end_in_what_reading_the_end_once_gives(
    core: Core, other_core: Core, actions: list[tuple[str, int]]
) -> None:
    reader, once = begun(core), begun(other_core)
    try:
        for action, number in actions:
            act(reader, action, number)
        reader.finish()

        once.server.threads = {
            key: replace(thread, channel_id=once.server.channel_id)
            for key, thread in reader.server.threads.items()
        }
        once.server.messages = reader.server.messages
        once.finish()

        kept = documents(core, reader.server.channel_id)
        assert kept == documents(other_core, once.server.channel_id)
    finally:
        for each in (reader, once):
            hearing.remove(each.core, each.server.channel_id, each.server.channel_id, 9)


def act(reader: Reader, action: str, number: int) -> None:
    """Something happens, on Discord's side or on the bot's."""
    own = {"ask": reader.ask, "take": reader.take, "off": reader.turn_off, "on": reader.turn_on}
    own["settle"] = reader.finish
    if action in own:
        own[action]()
    elif action == "update":
        reader.update(number % 7)
    elif action == "begin":
        reader.hear(*reader.server.begin(), new=True)
    elif reader.server.threads:
        threads = [*reader.server.threads]
        act_in(reader, action, threads[number % len(threads)], number)


def act_in(reader: Reader, action: str, thread_id: int, number: int) -> None:
    """Something happens in a thread."""
    server = reader.server
    thread, messages = server.threads[thread_id], [*server.messages[thread_id]]
    if action == "write":
        reader.hear(thread, server.write(thread_id), new=True)
    elif action == "solve":
        server.threads[thread_id] = replace(thread, name=f"Snow {number}", solved=True)
        if reader.on:
            hearing.thread_changed(reader.core, server.threads[thread_id])
    elif action == "drop":
        del server.threads[thread_id], server.messages[thread_id]
        if reader.on:
            hearing.thread_gone(reader.core, thread_id)
    elif messages:
        # Without its first post a thread is none: that one is deleted seldom.
        first = 1 if number % 5 and action == "delete" else 0
        message_id = messages[max(number % len(messages), min(first, len(messages) - 1))]
        if action == "edit":
            reader.hear(thread, server.edit(thread_id, message_id), new=False)
        else:
            gone = server.messages[thread_id].pop(message_id).message.text
            reader.hear_deleted(message_id)
            if reader.on and "number" in gone:
                # Not a moment later.
                assert gone not in "\n".join(documents(reader.core, server.channel_id).values())


def test_what_is_deleted_while_it_is_embedded_is_never_found(core: Core) -> None:
    for steps in itertools.count():
        reader = begun(core)
        thread, _ = reader.server.begin()
        answer = reader.server.write(thread.id)
        for _ in range(12):
            hearing_step(reader)
        update = core.update_channels()
        taken = sum(1 for _ in itertools.islice(update, steps))

        hearing.forgotten(core, [answer.message.id])

        for _ in itertools.chain([None], update, core.update_channels()):
            quoted = "".join(documents(core, reader.server.channel_id).values())
            assert answer.message.text not in quoted
        hearing.remove(core, reader.server.channel_id, reader.server.channel_id, 9)
        if taken < steps:
            assert steps > 3
            return


def hearing_step(reader: Reader) -> None:
    reader.ask()
    reader.take()


def test_what_was_put_in_when_the_process_died_is_remembered_at_the_next_start(
    core: Core,
) -> None:
    reader = begun(core)
    thread, _ = reader.server.begin()
    reader.server.write(thread.id)
    reader.finish()
    before = documents(core, reader.server.channel_id)
    assert len(before) == 1
    # As if the process had died between the index and what is remembered of it.
    core.heard.threads.keep_documents(thread.id, {}, 0)

    run_to_end(core.check_channels())

    assert documents(core, reader.server.channel_id) == before
    assert len(core.heard.threads.documents(thread.id)) == 1


def test_an_index_that_was_lost_is_made_anew_from_what_was_read(tmp_path: Path) -> None:
    chosen = Settings(data=DataSettings(folder=tmp_path))
    with Core(chosen, WordEmbedder()) as core:
        reader = begun(core)
        thread, _ = reader.server.begin()
        reader.server.write(thread.id)
        reader.finish()
        before = documents(core, reader.server.channel_id)
    for path in (tmp_path / "index").iterdir():
        path.unlink()

    with Core(chosen, WordEmbedder()) as core:
        run_to_end(core.check_channels())

        assert documents(core, reader.server.channel_id) == before


def test_what_was_read_that_was_lost_is_read_again_and_nothing_is_quoted_until_then(
    tmp_path: Path,
) -> None:
    chosen = Settings(data=DataSettings(folder=tmp_path))
    with Core(chosen, WordEmbedder()) as core:
        reader = begun(core)
        thread, _ = reader.server.begin()
        reader.server.write(thread.id)
        reader.finish()
        before = documents(core, reader.server.channel_id)
    for path in tmp_path.glob("channels.db*"):
        path.unlink()

    with Core(chosen, WordEmbedder()) as core:
        run_to_end(core.check_channels())
        assert documents(core, reader.server.channel_id) == {}
        again = Reader(core, reader.server)
        again.on = False
        again.finish()

        assert documents(core, reader.server.channel_id) == before

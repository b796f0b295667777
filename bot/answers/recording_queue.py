"""Recording queue: questions answered during an outage wait here to be recorded.

The queue is bounded and in memory, so waiting questions are lost if the process is killed.

The database reserves ids for this process, so a question has its id before it is recorded. The
buttons below the answer carry the id. A transaction with unknown outcome is repeated under the same
ids, so each question is recorded once, in order. With SQLite, no ids are reserved and no queue is
needed, because the database file is always available.
"""

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.answers.outage import Outage
from knowledge.store.database import (
    DatabaseAwayError,
    OutcomeUnknownError,
)
from knowledge.store.rows import NO_GUILD
from knowledge.store.store import Store
from knowledge.text import count_of
from knowledge.values.questions import Question

# The largest number of waiting questions. Each has ten hits with their texts, some 20 kB.
MOST_WAITING: Final = 1_000
# Spare ids, reserved together with missing ids.
RESERVED_AT_ONCE: Final = 100
# Questions recorded in one transaction.
_TOGETHER: Final = 50
# The number of last questions kept in memory for follow-ups, without their hits.
_LAST: Final = 256
# A member's question may follow up their last one in the channel for this long.
FOLLOWED_UP_WITHIN: Final = timedelta(minutes=10)

_logger = logging.getLogger(__name__)


class RecordingQueue:
    """Records questions at once, or when the database is back. Owned by the core's thread."""

    def __init__(self, store: Store, outage: Outage, *, most: int = MOST_WAITING) -> None:
        """At most `most` questions can wait to be recorded."""
        self._most = most
        self._store = store
        self._records = store.question_records
        self._outage = outage
        self._ids: deque[int] = deque()
        self._waiting: deque[Question] = deque()
        self._last: deque[Question] = deque(maxlen=_LAST)

    @property
    def waiting(self) -> int:
        """The number of waiting questions."""
        return len(self._waiting)

    def problem(self) -> str:
        """A sentence about waiting questions; empty if there are none."""
        if not self._waiting:
            return ""
        full = ": no more are answered until it is back" if self._is_full(1) else ""
        return f"{self._count()} for the database to be recorded{full}."

    def record(self, questions: Sequence[Question]) -> list[int]:
        """Record questions, now or when the database is back; return their ids.

        Raises:
            DatabaseAwayError: if the database is away and the queue is full.
        """
        ids = self._take_ids(len(questions))
        if not ids:
            return self._records.record(questions)
        numbered = [replace(asked, id=key) for key, asked in zip(ids, questions, strict=True)]
        if self._outage.bridged or not self._record_now(numbered):
            self._wait(numbered)
        self._last.extend(replace(question, hits=()) for question in numbered)
        return ids

    def _take_ids(self, number: int) -> list[int]:
        """Take `number` reserved ids. Return no ids if the database assigns ids itself."""
        if not self._outage.bridged:
            with suppress(DatabaseAwayError):
                self.reserve(number)
        if len(self._ids) >= number:
            return [self._ids.popleft() for _ in range(number)]
        if self._waiting or self._outage.bridged:
            raise self._full()
        return []

    def reserve(self, number: int = 0) -> None:
        """Reserve the ids missing for a full queue and `number` more questions.

        Raises:
            StoreError: if the database is away.
        """
        missing = self._most + number - len(self._ids)
        if missing > 0:
            self._ids.extend(self._records.reserve_ids(missing + RESERVED_AT_ONCE))

    def renew_ids(self) -> None:
        """Replace reserved ids if other processes have reserved later ones.

        Called when this process takes over guilds of other processes, because the ids of a guild's
        questions must stay in order.

        Raises:
            StoreError: if the database is away.
        """
        if self._ids and self._store.database.last_ids()["questions"] != self._ids[-1]:
            self._ids = deque(self._records.reserve_ids(self._most + RESERVED_AT_ONCE))

    def _record_now(self, questions: Sequence[Question]) -> bool:
        try:
            self.flush()
            self._records.record_under([question.id for question in questions], questions)
        except (DatabaseAwayError, OutcomeUnknownError):
            return False
        return True

    def _count(self) -> str:
        return count_of(self.waiting, "question waits", "questions wait")

    def _is_full(self, more: int) -> bool:
        return self.waiting + more > self._most

    def _full(self) -> DatabaseAwayError:
        return DatabaseAwayError(
            f"The database is away, and {self._count()} to be recorded: no more "
            "are answered until it is back."
        )

    def _wait(self, questions: Sequence[Question]) -> None:
        if self._is_full(len(questions)):
            raise self._full()
        if not self._waiting:
            _logger.warning("The database is away: questions wait in memory to be recorded.")
        self._waiting.extend(questions)

    def flush(self) -> None:
        """Record waiting questions, in order.

        Raises:
            StoreError: if the database is away; unrecorded questions stay in the queue.
        """
        if not self._waiting:
            return
        before = self.waiting
        while self._waiting:
            some = [self._waiting[place] for place in range(min(_TOGETHER, self.waiting))]
            self._record_waiting(some)
            for _ in some:
                self._waiting.popleft()
        recorded = count_of(before, "question was", "questions were")
        _logger.info("%s recorded that came in without the database.", recorded)

    def _record_waiting(self, questions: Sequence[Question]) -> None:
        constraint_error = self._store.database.constraint_error
        try:
            self._record_together(questions)
        except constraint_error as error:
            if len(questions) == 1:
                # The question's guild or asker was deleted, so it would block the queue for good.
                # The error's message may quote it, so only the error's type is logged.
                what = type(error).__name__
                _logger.error("Question %d can't be recorded: %s.", questions[0].id, what)
                return
            for question in questions:
                self._record_waiting([question])

    def _record_together(self, questions: Sequence[Question]) -> None:
        """Record questions in one transaction, except questions of erased askers and guilds."""
        with self._store.database.writing(NO_GUILD):
            gone = self._store.tombstones.since(min(asked.asked_at for asked in questions))
            kept = [
                asked
                for asked in questions
                if not gone.has(asked.asker_id, asked.guild_id, asked.asked_at)
            ]
            self._records.record_under([asked.id for asked in kept], kept)

    # The last questions.

    def question(self, question_id: int) -> Question | None:
        """Return a recorded question, or None if there is no record with this id.

        During an outage, the question is looked up among the last questions in memory, and returned
        without its hits.

        Raises:
            DatabaseAwayError: if the database is away and the question is not in memory.
        """
        try:
            return self._records.question(question_id)
        except DatabaseAwayError:
            known = next((asked for asked in self._last if asked.id == question_id), None)
            if known is None:
                raise
            return known

    def last_public_id(self, channel_id: int, first_id: int) -> int | None:
        """Return the id of the last public question in a channel or thread, or None without one.

        Only questions asked after the question `first_id` count.

        Raises:
            DatabaseAwayError: if the database is away and the question `first_id` isn't in memory.
        """
        try:
            return self._records.last_public_id(channel_id, first_id)
        except DatabaseAwayError:
            # If the question `first_id` is in memory, so are all later questions.
            if all(asked.id != first_id for asked in self._last):
                raise
        found = (
            asked.id
            for asked in self._last
            if asked.channel_id == channel_id
            and asked.id > first_id
            and asked.text
            and not asked.private
            and asked.told_for is None
        )
        return max(found, default=None)

    def last_of_member(self, asker_id: int, channel_id: int) -> Question | None:
        """Return a member's last question in a channel, or None if it is too old for a follow-up.

        A question is too old after `FOLLOWED_UP_WITHIN`. During an outage, only the last questions
        in memory are searched.
        """
        since = datetime.now(UTC) - FOLLOWED_UP_WITHIN
        try:
            return self._records.last_of_member(asker_id, channel_id, since)
        except DatabaseAwayError:
            pass
        own = [
            asked
            for asked in self._last
            if (asked.asker_id, asked.channel_id) == (asker_id, channel_id)
            and asked.told_for is None
            and asked.asked_at >= since
        ]
        return max(own, key=lambda asked: asked.id, default=None)

    def forget(self) -> None:
        """Drop the last questions from memory. Questions that wait to be recorded stay."""
        self._last.clear()

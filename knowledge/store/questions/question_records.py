"""Recorded questions with their hits, verdicts, later checks and phrasings; pruning.

Most questions find the same few passages, so a hit refers to its passage by digest, and
`recorded_passages` has the words as long as a hit refers to them. Pruning deletes the words of old
questions and their confirmed answers. For the figures, it keeps times, channels, evidence and
verdicts, and the ids of the best document and of quoted notes.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from knowledge.store.database import Database, now
from knowledge.store.rows import (
    NO_GUILD,
    RowKind,
    Tables,
    columns,
    insertion,
    only_guild,
    record,
    replacement,
)
from knowledge.values.questions import (
    UNDER_WAY,
    ConfirmedAnswer,
    Feedback,
    FeedbackReason,
    GoldenQuestion,
    GoldenState,
    PhrasingCaps,
    Question,
    RecordedHit,
    RecordedPhrasing,
    UsedUp,
    Verdict,
    WrittenLine,
)
from knowledge.values.quotas import DAY, HOUR, Quota
from knowledge.values.settings import EVERYTHING, AnsweredFrom

# The largest number of hits quoted by an answer; contributors of quoted notes earn credit.
_MOST_QUOTED: Final = 5

_COLUMNS: Final = (
    "document_id",
    "title",
    "heading",
    "passage",
    "link",
    "source_channel_id",
    "position",
)


def recorded_digest(values: Sequence[object]) -> str:
    """The key of a recorded passage, by its columns' values: 32 hexadecimal digits."""
    covered = json.dumps(values, ensure_ascii=False).encode()
    return hashlib.sha256(covered).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class RecentQuestion:
    """A question, and how often it was asked in the same context and settings."""

    text: str
    earlier: str
    channels: tuple[int, ...]
    times: int
    answered_from: AnsweredFrom = EVERYTHING


def digest_of(hit: RecordedHit) -> str:
    return recorded_digest(_values(hit))


def _values(hit: RecordedHit) -> tuple[Any, ...]:
    return tuple(getattr(hit, column) for column in _COLUMNS)


# A hit's question, rank, score and legs, and its passage's columns.
_RankedHit = tuple[int, int, float, str, tuple[Any, ...]]


def _row(question: Question) -> dict[str, Any]:
    """The row of a question without its id."""
    readable = json.dumps(sorted(set(question.channels)))
    row = columns(question, channels=readable, hits=None)
    return {name: value for name, value in row.items() if name not in ("id", "hits", "pruned")}


def _question(row: Mapping[str, Any]) -> Question:
    """The question of a row, without its hits."""
    return record(Question, row, pruned=row["pruned_at"] is not None)


class QuestionRecords(Tables):
    """Questions and their hits in the community database."""

    def record(self, questions: Sequence[Question]) -> list[int]:
        """Store questions with their hits, in one transaction; returns the new ids, in order."""
        with self._recording(questions):
            ids = [self._db.insert_id("questions", _row(question)) for question in questions]
            self._record_hits(zip(ids, questions, strict=True))
            return ids

    def reserve_ids(self, number: int) -> list[int]:
        """Ids for `record_under`; none with SQLite, where rows get their ids when inserted."""
        return self._db.reserve_ids("questions", number)

    def record_under(self, ids: Sequence[int], questions: Sequence[Question]) -> None:
        """Store questions under reserved ids, except those that an earlier attempt has stored.

        So a caller can repeat an attempt with an unknown outcome. If the server still works on the
        first attempt, the second attempt waits until the first has ended.
        """
        if not questions:
            return
        numbered = [*zip(ids, questions, strict=True)]
        rows = [{"id": key, **_row(question)} for key, question in numbered]
        with self._recording(questions):
            kept = self._db.run_many(
                f"{insertion('questions', rows[0])} on conflict (id) do nothing",
                [[*row.values()] for row in rows],
            )
            self._record_hits(numbered if kept == len(rows) else self._without_hits(numbered))

    def _without_hits(self, numbered: Sequence[tuple[int, Question]]) -> list[tuple[int, Question]]:
        """The questions without stored hits, with their ids; an id may be new."""
        there = {
            row["id"]: row
            for row in self._db.rows(
                "select id, asker_id, asked_at, exists "
                "(select 1 from hits where question_id = q.id) as is_whole "
                "from questions q where id in (?)",
                [[key for key, _ in numbered]],
            )
        }
        found = []
        for key, question in numbered:
            row, own = there[key], _row(question)
            if any(row[column] != own[column] for column in ("asker_id", "asked_at")):
                # The database lost the reservation, and the id is another question's.
                found.append((self._db.insert_id("questions", own), question))
            elif not row["is_whole"]:
                found.append((key, question))
        return found

    def _recording(self, questions: Sequence[Question]) -> AbstractContextManager[None]:
        guild_id = only_guild(question.guild_id for question in questions)
        # Rows are only added, so several guilds need no common lock.
        return self._db.writing(NO_GUILD if guild_id is None else guild_id)

    def _record_hits(self, numbered: Iterable[tuple[int, Question]]) -> None:
        self._insert(
            [
                (question_id, rank, hit.score, " ".join(hit.legs), _values(hit))
                for question_id, question in numbered
                for rank, hit in enumerate(question.hits, start=1)
            ]
        )

    def question(self, question_id: int) -> Question | None:
        rows = self._db.rows("select * from questions where id = ?", [question_id])
        return replace(_question(rows[0]), hits=self.hits(question_id)) if rows else None

    def questions(self, question_ids: Iterable[int]) -> list[Question]:
        """The questions with hits, in this order, except deleted ones."""
        found = map(self.question, question_ids)
        return [question for question in found if question is not None and question.hits]

    def last_public_id(self, channel_id: int, after: int) -> int | None:
        """The id of the last public question in a channel or thread, if it is above `after`."""
        return self._db.value(
            int,
            "select id from questions where id > ? and channel_id = ? and private = 0 "
            "and text != '' and told_for is null order by id desc limit 1",
            [after, channel_id],
        )

    def last_of_member(self, asker_id: int, channel_id: int, since: datetime) -> Question | None:
        """A member's last question in a channel since the time `since`, without its hits."""
        rows = self._db.rows(
            "select * from questions where asker_id = ? and channel_id = ? and asked_at >= ? "
            "and told_for is null order by id desc limit 1",
            [asker_id, channel_id, since],
        )
        return _question(rows[0]) if rows else None

    def recent_public(self, guild_id: int, limit: int) -> list[RecentQuestion]:
        """A guild's last public questions, newest first; repeated questions are returned once."""
        return self._db.records(
            RecentQuestion,
            "select text, earlier, channels, answered_from, count(*) as times from "
            "(select * from questions where guild_id = ? and private = 0 and text != '' "
            "  and told_for is null order by id desc limit ?) as q "
            "group by text, earlier, channels, answered_from order by max(id) desc",
            [guild_id, limit],
        )

    def public_places(self, guild_id: int, texts: Sequence[str]) -> dict[str, set[int]]:
        """The channels in which members asked each of these questions in public."""
        rows = self._db.rows(
            "select distinct text, channel_id from questions where guild_id = ? and private = 0 "
            "and channel_id is not null and told_for is null and text in (?)",
            [guild_id, [*texts]],
        )
        found: dict[str, set[int]] = {}
        for row in rows:
            found.setdefault(row["text"], set()).add(row["channel_id"])
        return found

    def judged_helpful(self) -> list[Question]:
        """Questions with an answer that members found helpful, oldest first.

        A question is returned once for each document that members picked, with this document's hits
        first. If nobody picked a document and somebody found the answer unhelpful, it is left out.
        """
        rows = self._db.rows(
            "select distinct q.id, f.document_id from questions q "
            "join feedback f on f.question_id = q.id and f.verdict = 'helpful' "
            "where q.text != '' and (f.document_id != '' or q.evidence != 'none' and not exists "
            "(select 1 from feedback u where u.question_id = q.id and u.verdict = 'unhelpful')) "
            "order by q.id, f.document_id"
        )
        found = []
        for row in rows:
            if (question := self.question(row["id"])) is not None:
                picked = row["document_id"] or None
                hits = sorted(question.hits, key=lambda hit: hit.document_id != picked)
                found.append(replace(question, hits=hits))
        return found

    def _insert(self, hits: Sequence[_RankedHit]) -> None:
        keyed = [(*hit[:-1], recorded_digest(hit[-1]), hit[-1]) for hit in hits]
        self._db.run_many(
            # Names are constants of this module; values are bound.
            f"insert into recorded_passages (digest, {', '.join(_COLUMNS)}) "  # noqa: S608
            "values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (digest) do nothing",
            # One order everywhere, so two guilds with the same new passages never deadlock.
            sorted(
                {digest: (digest, *passage) for *_, digest, passage in keyed}.values(),
                key=itemgetter(0),
            ),
        )
        self._db.run_many(
            "insert into hits (question_id, rank, score, legs, passage_digest) "
            "values (?, ?, ?, ?, ?)",
            [hit[:-1] for hit in keyed],
        )

    def add_hit(self, question_id: int, hit: RecordedHit) -> None:
        """Append a hit, inside a transaction, unless the question has the same hit already."""
        if digest_of(hit) not in map(digest_of, self.hits(question_id)):
            sql = "select max(rank) from hits where question_id = ?"
            rank = (self._db.value(int, sql, [question_id]) or 0) + 1
            self._insert([(question_id, rank, hit.score, "", _values(hit))])

    def hits(self, question_id: int) -> list[RecordedHit]:
        """A question's hits, best first; the hits of a pruned question have no words."""
        rows = self._db.rows(
            "select * from hits h join recorded_passages p on p.digest = h.passage_digest "
            "where h.question_id = ? order by h.rank",
            [question_id],
        )
        return [record(RecordedHit, row, legs=tuple(row["legs"].split())) for row in rows]

    def prune(self, before: datetime, most: int) -> int:
        """Delete the words of questions asked before a time, oldest first; returns how many.

        At most `most` questions are pruned, in one transaction that overwrites deleted rows.
        """
        ids = self._db.column(
            "select id from questions where pruned_at is null and asked_at < ? "
            "order by asked_at, id limit ?",
            [before, most],
        )
        if not ids:
            return 0
        with self._db.erasing():
            # Only the first hit and those from quoted notes are kept, all without their words.
            kept = self._db.rows(
                "select h.question_id, h.rank, h.score, p.document_id, p.source_channel_id "
                "from hits h join recorded_passages p on p.digest = h.passage_digest "
                "where h.question_id in (?) "
                "and (h.rank = 1 or (h.rank <= ? and substr(p.document_id, 1, 5) = 'note:'))",
                [ids, _MOST_QUOTED],
            )
            self._db.run("delete from hits where question_id in (?)", [ids])
            hits = []
            for row in kept:
                values = (row["document_id"], "", "", "", "", row["source_channel_id"], None)
                hits.append((row["question_id"], row["rank"], row["score"], "", values))
            self._insert(hits)
            self._db.run("update handed_on set answer = '' where question_id in (?)", [ids])
            self._db.run(
                "update feedback set reason = '' where reason != '' and question_id in (?)", [ids]
            )
            self._db.run(
                "update questions set text = '', earlier = '', settings = '', signals = '{}', "
                "confirmed_at = null, pruned_at = ? where id in (?)",
                [now(), ids],
            )
        return len(ids)


# The newest confirmed answers, compared with each question; they are embedded once.
_MOST_CONFIRMED: Final = 200

_CONFIRMED: Final = (
    "select p.document_id, q.text, q.earlier, p.passage, q.confirmed_at, "
    "q.confirmed_by_moderator as by_moderator from questions q "
    "join hits h on h.question_id = q.id and h.rank = 1 "
    "join recorded_passages p on p.digest = h.passage_digest"
)


class FeedbackRecords(Tables):
    """Verdicts in the community database, one per member and question."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        # A counter of this process's changes of confirmed answers, for caches to compare.
        self.confirmations = 0

    def record(self, feedback: Feedback) -> bool:
        """Store or replace a member's verdict; False for an unknown question."""
        document_id = feedback.document_id
        if feedback.verdict is Verdict.HELPFUL and not document_id:
            sql = f"{_CONFIRMED} where q.id = ? and q.confirmed_at is not null"
            document_id = self._db.value(str, sql, [feedback.question_id]) or ""
        with self._writing(RowKind.QUESTION, feedback.question_id):
            known = self._db.rows("select 1 from questions where id = ?", [feedback.question_id])
            if known:
                self._db.replace(
                    "feedback",
                    {
                        "question_id": feedback.question_id,
                        "member_id": feedback.member_id,
                        "verdict": feedback.verdict.value,
                        "reason": feedback.reason,
                        "reason_code": feedback.chosen or "",
                        "document_id": document_id,
                        "created_at": now(),
                    },
                    ["question_id", "member_id"],
                )
        return bool(known)

    def of(self, question_id: int) -> list[Feedback]:
        rows = self._db.rows(
            "select * from feedback where question_id = ? order by member_id", [question_id]
        )
        return [
            record(
                Feedback, row, chosen=FeedbackReason(code) if (code := row["reason_code"]) else None
            )
            for row in rows
        ]

    def record_pick(self, pick: Feedback, digest: str, *, by_moderator: bool | None) -> bool:
        """Store a member's pick of the right document, in place of their last verdict.

        `digest` is the picked passage's. The pick of a member with `by_moderator` None confirms no
        answer. Returns whether the answer is confirmed now.
        """
        with self._writing(RowKind.QUESTION, pick.question_id):
            return (
                self.record(pick)
                and by_moderator is not None
                and self._confirm(pick.question_id, digest, by_moderator=by_moderator)
            )

    def _confirm(self, question_id: int, digest: str, *, by_moderator: bool) -> bool:
        """Move a picked hit to the first rank, inside a transaction.

        A refused question becomes partially answered. Earlier helpful verdicts are stored as
        verdicts about the document that was the first hit until now. Returns False if there is no
        such hit, or a moderator has picked another hit.
        """
        self.confirmations += 1
        rows = self._db.rows(
            "select h.rank, case when q.confirmed_at is null then 0 "
            "  else q.confirmed_by_moderator end as settled "
            "from hits h join questions q on q.id = h.question_id "
            "where h.question_id = ? and h.passage_digest = ? order by h.rank",
            [question_id, digest],
        )
        if not rows or (rows[0]["settled"] and not by_moderator):
            return False
        self._db.run(
            "update feedback set document_id = (select p.document_id from hits h "
            "  join recorded_passages p on p.digest = h.passage_digest "
            "  where h.question_id = ? and h.rank = 1) "
            "where question_id = ? and verdict = 'helpful' and document_id = '' "
            "and exists (select 1 from hits where question_id = ? and rank = 1)",
            [question_id] * 3,
        )
        # Ranks are unique, so all are moved out of the way first.
        self._db.run("update hits set rank = -rank where question_id = ?", [question_id])
        self._db.run(
            "update hits set rank = case when rank = ? then 1 when rank > ? then 1 - rank "
            "else -rank end where question_id = ?",
            [-rows[0]["rank"], -rows[0]["rank"], question_id],
        )
        self._db.run(
            "update questions set confirmed_at = ?, confirmed_by_moderator = ?, "
            "evidence = case evidence when 'none' then 'partial' else evidence end where id = ?",
            [now(), int(by_moderator), question_id],
        )
        return True

    def take_back(self, question_id: int, *, by_moderator: bool) -> None:
        """Revoke a confirmed answer. A moderator's confirmation is revoked only by a moderator."""
        self.confirmations += 1
        with self._writing(RowKind.QUESTION, question_id):
            self._db.run(
                "update questions set confirmed_at = null, confirmed_by_moderator = 0 "
                "where id = ? and confirmed_by_moderator <= ?",
                [question_id, int(by_moderator)],
            )

    def confirmed(
        self, guild_id: int | None, channels: Sequence[int] | None = None
    ) -> list[ConfirmedAnswer]:
        """A guild's confirmed answers, newest first.

        With `channels`, an answer is returned only if its question was recorded with exactly these
        channels (`Question.channels`).
        """
        given = None if channels is None else json.dumps(sorted(set(channels)))
        return self._db.records(
            ConfirmedAnswer,
            f"{_CONFIRMED} where q.guild_id = ? and q.confirmed_at is not null and q.text != '' "
            "and q.channels = coalesce(?, q.channels) "
            "order by q.confirmed_at desc, q.id desc limit ?",
            [guild_id, given, _MOST_CONFIRMED],
        )

    def confirmed_version(self) -> str:
        """A value that changes with every confirmed or revoked answer."""
        [row] = self._db.rows(
            "select count(*) as number, max(confirmed_at) as last from questions "
            "where confirmed_at is not null"
        )
        return f"{row['number']} {row['last']}" if row["number"] else ""


class RecentQuestions(Tables):
    """The times of members' questions in the last day, for limits."""

    def count_question(
        self, guild_id: int, member_id: int, quota: Quota, now: datetime
    ) -> datetime | None:
        """Count a question; if the limit is reached, return when the next question is allowed."""
        with self._db.writing(guild_id):
            self._db.run("delete from recent_questions where asked_at <= ?", [now - DAY])
            moments = self._db.column(
                "select asked_at from recent_questions where member_id = ? and guild_id = ? "
                "order by asked_at",
                [member_id, guild_id],
            )
            wait = quota.wait([*map(datetime.fromisoformat, moments)], now)
            if wait is None:
                row = {"guild_id": guild_id, "member_id": member_id, "asked_at": now}
                self._db.insert("recent_questions", row)
        return wait


# The largest number of golden questions in a guild; the newest count.
MOST_GOLDEN: Final = 10_000

_GOLDEN_COLUMNS: Final = (
    "q.id as question_id, q.guild_id, q.channels, h.passage_digest as expected, "
    "coalesce(q.confirmed_at, (select max(f.created_at) from feedback f "
    "  where f.question_id = q.id and f.verdict = 'helpful')) as answered_at, "
    "coalesce(g.checked, '') as checked, g.checked_at, g.state, "
    "coalesce(g.first, '') as first, g.changed_at"
)
_GOLDEN: Final = (
    "from questions q join hits h on h.question_id = q.id and h.rank = 1 "
    "join recorded_passages p on p.digest = h.passage_digest "
    "left join golden_questions g on g.question_id = q.id and g.expected = h.passage_digest "
    "where q.guild_id = ? and q.text != '' and q.told_for is null and (q.confirmed_at is not null "
    "  or q.evidence != 'none' and exists (select 1 from feedback f where f.question_id = q.id "
    "    and f.verdict = 'helpful' and f.document_id in ('', p.document_id)) "
    "  and not exists (select 1 from feedback f where f.question_id = q.id "
    "    and f.verdict = 'unhelpful'))"
)


class GoldenQuestions(Tables):
    """The last check of each golden question, and undecided changes.

    Whether a question is golden follows from its rows in other tables: its answer is confirmed, or
    members found the first passage helpful and nobody disagreed. So a forgotten member's verdicts
    count by the rules of those tables. A check of another expected passage doesn't count.
    """

    def guilds(self) -> list[int]:
        """The guilds with checks, by id."""
        return self._db.column("select id from guilds where golden_questions = 1 order by id")

    def version(self) -> str:
        """A value that changes with every verdict."""
        [row] = self._db.rows("select count(*) as n, max(created_at) as last from feedback")
        return f"{row['n']} {row['last']}"

    def of_guild(self, guild_id: int) -> list[GoldenQuestion]:
        return self._db.records(
            GoldenQuestion,
            f"select {_GOLDEN_COLUMNS} {_GOLDEN} order by q.id desc limit {MOST_GOLDEN}",
            [guild_id],
        )

    def changes(self, guild_id: int) -> list[tuple[GoldenState, list[int]]]:
        """The questions with a change to decide on, by their state, the oldest change first.

        Questions with the same words, state and expected passage are together.
        """
        rows = self._db.rows(
            "select q.id, q.text, q.earlier, g.expected, g.state "
            f"{_GOLDEN} and g.changed_at is not null order by g.changed_at, q.id",
            [guild_id],
        )
        found: dict[tuple[str, ...], list[int]] = {}
        for row in rows:
            key = (row["state"], row["text"], row["earlier"], row["expected"])
            found.setdefault(key, []).append(row["id"])
        return [(GoldenState(state), ids) for (state, *_), ids in found.items()]

    def ids_by_moderators(self, guild_id: int, most: int) -> list[int]:
        """The questions with answers confirmed by moderators, newest first."""
        return self._db.column(
            f"select q.id {_GOLDEN} and q.confirmed_by_moderator = 1 "
            "order by q.confirmed_at desc, q.id desc limit ?",
            [guild_id, most],
        )

    def record_checks(self, guild_id: int, checked: Sequence[GoldenQuestion]) -> None:
        """Store the checks in one transaction, except checks of deleted questions."""
        with self._db.writing(guild_id):
            ids = [golden.question_id for golden in checked]
            there = set(self._db.column("select id from questions where id in (?)", [ids]))
            rows = [columns(golden) for golden in checked if golden.question_id in there]
            for row in rows:
                del row["answered_at"], row["channels"]
            if rows:
                self._db.run_many(
                    replacement("golden_questions", rows[0], ["question_id"]),
                    [[*row.values()] for row in rows],
                )

    def settle(self, guild_id: int, question_ids: Sequence[int]) -> None:
        """Record a decision on the changes of these questions."""
        with self._db.writing(guild_id):
            self._db.run(
                "update golden_questions set changed_at = null where question_id in (?)",
                [[*question_ids]],
            )

    def settle_gone(self, guild_id: int) -> None:
        """Close the changes of questions with a lost document."""
        with self._db.writing(guild_id):
            self._db.run(
                "update golden_questions set changed_at = null where guild_id = ? and state = ?",
                [guild_id, GoldenState.GONE],
            )


_REQUESTED: Final = (
    "from phrasings p join questions q on q.id = p.question_id "
    "where p.repeated = 0 and p.asked_at > ? and p.asked_at <= ?"
)


class Phrasings(Tables):
    """A language model's sentences for answers, and recent use of the model.

    A row is inserted before the model is asked, so requests in progress count, too. The asker and
    the channel are recorded with the question. If the question is deleted, so is the phrasing.
    """

    def claim(self, question_id: int, mode: str, caps: PhrasingCaps, now: datetime) -> bool:
        """Count a request to a model about a question, before it is sent.

        Returns whether it may be sent; False if a limit is reached, if the question is gone, or if
        a model was asked about the question before.
        """
        with self._writing(RowKind.QUESTION, question_id):
            rows = self._db.rows(
                "select asker_id, guild_id from questions where id = ?", [question_id]
            )
            if not rows:
                return False
            member_id, guild_id = rows[0]["asker_id"], rows[0]["guild_id"]
            if self.used_up(caps, now, member_id, guild_id).stops(member_id, guild_id, now):
                return False
            row = {"question_id": question_id, "asked_at": now, "mode": mode, "outcome": UNDER_WAY}
            return self._db.insert_new("phrasings", row)

    def used_up(
        self, caps: PhrasingCaps, now: datetime, member_id: int, guild_id: int | None
    ) -> UsedUp:
        """The limits reached by a member, in their guild, and overall."""
        member = self._until("q.asker_id = ?", now, HOUR, member_id, caps.member_hourly)
        of_guild = "q.guild_id is not distinct from ?"
        guild = self._until(of_guild, now, DAY, guild_id, caps.guild_daily)
        return UsedUp(
            {} if member is None else {member_id: member},
            {} if guild is None else {guild_id: guild},
            self._until_tokens(caps.daily_tokens, now),
        )

    def all_used_up(self, caps: PhrasingCaps, now: datetime) -> UsedUp:
        """All reached limits of members, guilds and tokens; the bot reads them at its start."""
        members: dict[int, datetime] = {}
        guilds: dict[int | None, datetime] = {}
        for row in self._db.rows(
            f"select distinct q.asker_id, q.guild_id {_REQUESTED}", [now - DAY, now]
        ):
            found = self.used_up(caps, now, row["asker_id"], row["guild_id"])
            members |= found.members
            guilds |= found.guilds
        return UsedUp(members, guilds, self._until_tokens(caps.daily_tokens, now))

    def _until(
        self, condition: str, now: datetime, window: timedelta, key: int | None, most: int
    ) -> datetime | None:
        """The time of the next allowed request of a member or guild; None if it is allowed now.

        `most` requests may be in the window; 0 is unlimited.
        """
        if not most:
            return None
        last = self._db.value(
            datetime,
            f"select p.asked_at {_REQUESTED} and {condition} "
            "order by p.asked_at desc limit 1 offset ?",
            [now - window, now, key, most - 1],
        )
        return last + window if last is not None else None

    def _until_tokens(self, most: int, now: datetime) -> datetime | None:
        if not most:
            return None
        spent = 0
        for row in self._db.rows(
            "select asked_at, prompt_tokens + reply_tokens as tokens from phrasings "
            "where repeated = 0 and asked_at > ? and asked_at <= ? order by asked_at desc",
            [now - DAY, now],
        ):
            spent += row["tokens"]
            if spent >= most:
                return datetime.fromisoformat(row["asked_at"]) + DAY
        return None

    def finish(self, question_id: int, found: RecordedPhrasing, *, keeps_words: bool) -> None:
        """Store the outcome of a phrasing, if the question still exists.

        Without `keeps_words`, the model's words aren't stored.
        """
        with self._writing(RowKind.QUESTION, question_id):
            if not self._db.rows("select 1 from questions where id = ?", [question_id]):
                return
            lines = [[line.text, *line.numbers] for line in found.lines] if keeps_words else []
            row = columns(found, lines=json.dumps(lines, ensure_ascii=False))
            row["question_id"] = question_id
            self._db.replace("phrasings", row, ["question_id"])

    def of(self, question_id: int) -> RecordedPhrasing | None:
        """The outcome of a question's phrasing; None if the answer was never phrased."""
        rows = self._db.rows("select * from phrasings where question_id = ?", [question_id])
        if not rows:
            return None
        lines = json.loads(rows[0]["lines"])
        written = tuple(WrittenLine(text, tuple(numbers)) for text, *numbers in lines)
        return record(RecordedPhrasing, rows[0], lines=written)

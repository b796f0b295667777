"""Figures of a guild: its activity, questions and quoted documents in a period, and contributors.

A note earns credit when another member marks an answer with its quotation as helpful. The same
question from the same member counts once per note. Forgotten members aren't listed.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Final

from knowledge.store.audit_log import PUBLISHED
from knowledge.store.database import Database
from knowledge.store.notes.note_records import ACCEPTED
from knowledge.store.rows import Tables
from knowledge.values.questions import Evidence


@dataclass(frozen=True, slots=True)
class Asked:
    """The numbers of surely, partly and not answered questions, and of answers rated helpful."""

    answered: int
    partly: int
    refused: int
    solved: int

    @property
    def all(self) -> int:
        return self.answered + self.partly + self.refused


@dataclass(frozen=True, slots=True)
class Quoted:
    """How many answers quote a document, and how many verdicts count for it."""

    document_id: str
    quoted: int
    helpful: int
    unhelpful: int


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts on an answer; `corrected` if a member picked another passage.

    The title of the first quoted document is empty for messages of a channel.
    """

    unhelpful: int
    corrected: bool
    title: str


class PeriodFigures(Tables):
    """Figures from the community database. Only `unanswered_posts` includes a period's end."""

    def question_counts(self, guild_id: int, since: datetime, until: datetime) -> Asked:
        """Questions of a period, also private ones; a question with a later answer counts once."""
        [row] = self._db.rows(
            "select count(*) filter (where evidence = 'strong') as answered, "
            "count(*) filter (where evidence = 'partial') as partly, "
            "count(*) filter (where evidence = 'none') as refused, "
            "(select count(distinct f.question_id) from feedback f "
            "  join questions q on q.id = f.question_id where q.guild_id = ? "
            "  and f.verdict = 'helpful' and f.created_at >= ? and f.created_at < ?) as solved "
            "from questions where guild_id = ? and told_for is null "
            "and asked_at >= ? and asked_at < ?",
            [guild_id, since, until] * 2,
        )
        return Asked(**row)

    def days(
        self, guild_id: int | None, since: datetime, until: datetime
    ) -> dict[date, Counter[Evidence]]:
        """Each UTC day's questions by evidence, as in `question_counts`; in one guild or all."""
        which, values = _guild(guild_id)
        rows = self._db.rows(
            "select substr(q.asked_at, 1, 10) as day, q.evidence, count(*) as number "  # noqa: S608
            f"from questions q where {which} q.told_for is null "
            "and q.asked_at >= ? and q.asked_at < ? group by substr(q.asked_at, 1, 10), q.evidence",
            [*values, since, until],
        )
        days: dict[date, Counter[Evidence]] = {}
        for row in rows:
            counted = days.setdefault(date.fromisoformat(row["day"]), Counter())
            counted[Evidence(row["evidence"])] = row["number"]
        return days

    def quotations(
        self,
        guild_id: int | None,
        since: datetime,
        until: datetime,
        quotes: int,
        further_share: float,
    ) -> list[Quoted]:
        """Documents quoted or picked in a period's answers, in one guild or all (None).

        A verdict about one document counts for that document only. `quotes` and `further_share` are
        as in `Credit.contributors`.
        """
        which, values = _guild(guild_id)
        period = [*values, since, until]
        asked = f"{which} q.asked_at >= ? and q.asked_at < ?"
        return self._db.records(
            Quoted,
            "with quoted as (select distinct h.question_id, p.document_id from questions q "  # noqa: S608
            "  join hits h on h.question_id = q.id "
            "  join recorded_passages p on p.digest = h.passage_digest "
            f"  where {asked} and q.evidence != 'none' and h.rank <= coalesce(q.quotations, ?) "
            "  and h.score >= ? * (select score from hits b where b.question_id = h.question_id "
            "  order by rank limit 1)"
            "), told as (select document_id, question_id, 'quoted' as what from quoted "
            "  union select d.document_id, d.question_id, f.verdict from quoted d "
            "  join feedback f on f.question_id = d.question_id where f.document_id = '' "
            "  union select f.document_id, f.question_id, f.verdict from feedback f "
            f"  join questions q on q.id = f.question_id where {asked} and f.document_id != '') "
            "select document_id, count(*) filter (where what = 'quoted') as quoted, "
            "count(*) filter (where what = 'helpful') as helpful, "
            "count(*) filter (where what = 'unhelpful') as unhelpful "
            "from told group by document_id order by document_id",
            [*period, quotes, further_share, *period],
        )

    def verdicts(self, question_ids: Sequence[int]) -> dict[int, Judged]:
        rows = self._db.rows(
            "select q.id, (select count(*) from feedback f where f.question_id = q.id "
            "  and f.verdict = 'unhelpful') as unhelpful, exists (select 1 from feedback f "
            "  where f.question_id = q.id and f.document_id != '') as corrected, "
            # A pick moves to the first rank; the quoted passage had the best score.
            "coalesce((select p.title from hits h join recorded_passages p "
            "  on p.digest = h.passage_digest where h.question_id = q.id "
            "  order by h.score desc, h.rank limit 1), '') as title "
            "from questions q where q.id in (?)",
            [[*question_ids]],
        )
        return {
            row["id"]: Judged(row["unhelpful"], bool(row["corrected"]), row["title"])
            for row in rows
        }

    def unanswered_posts(
        self, guild_id: int, since: datetime, until: datetime, most: int
    ) -> list[tuple[int, datetime]]:
        """Ids and times of forum posts without an answer, newest first, without settled gaps.

        The period from `since` to `until` includes both.
        """
        rows = self._db.rows(
            "select h.message_id, h.asked_at from helped_questions h "
            "left join questions q on q.id = h.question_id "
            "where h.guild_id = ? and h.is_post = 1 and h.asked_at >= ? and h.asked_at <= ? "
            "and (h.state = 'watched' and q.id is null "
            "  or h.state = 'done' and q.evidence = 'none' and q.settled = '') "
            "order by h.asked_at desc, h.message_id desc limit ?",
            [guild_id, since, until, most],
        )
        return [(row["message_id"], datetime.fromisoformat(row["asked_at"])) for row in rows]

    def new_notes(self, guild_id: int, since: datetime, until: datetime) -> list[int]:
        """Live notes first published in the period, by time of publication."""
        published = self._db.rows(
            "select at, detail from log where guild_id = ? and event in (?) and at < ?",
            [guild_id, sorted(PUBLISHED), until],
        )
        first: dict[int, str] = {}
        for row in published:
            note_id = json.loads(row["detail"])["note"]
            first[note_id] = min(row["at"], first.get(note_id, row["at"]))
        new = [note_id for note_id, at in first.items() if at >= since.isoformat()]
        live = self._db.column(
            "select id from notes where guild_id = ? and live_revision_id is not null "
            "and id in (?)",
            [guild_id, new],
        )
        return sorted(live, key=lambda note_id: (first[note_id], note_id))

    def answered_by(self, note_id: int, channels: Collection[int]) -> list[str]:
        """Public questions in these channels that a note answers, each text once.

        A note answers the question that it was written for. If an asker was notified of the note,
        it also answers the asker's question.
        """
        rows = self._db.rows(
            "select q.id, q.text from questions q where q.private = 0 and q.text != '' "
            "and (q.id in (select question_id from gap_notes where note_id = ?) or q.id in "
            "  (select s.question_id from notices s join revisions r on r.id = s.revision_id "
            "  where r.note_id = ? and s.event = 'answered')) and q.channel_id in (?)",
            [note_id, note_id, sorted(channels)],
        )
        texts: dict[str, str] = {}
        for row in sorted(rows, key=itemgetter("id")):
            texts.setdefault(row["text"].strip(" ").lower(), row["text"])
        return [*texts.values()]


def _guild(guild_id: int | None) -> tuple[str, list[int]]:
    """The SQL condition for a guild's questions, with its value; empty without a guild."""
    return ("q.guild_id = ? and", [guild_id]) if guild_id is not None else ("", [])


@dataclass(frozen=True, slots=True)
class Contributor:
    """A contributor, with the number of helpful answers from their notes."""

    name: str
    citations: int
    notes: int


@dataclass(frozen=True, slots=True)
class Activity:
    """Numbers of questions by evidence, verdicts, live notes, pending revisions, and gaps.

    `quoted` has the titles of the most quoted documents, each with its number of answers.
    """

    questions: dict[Evidence, int]
    helpful: int
    unhelpful: int
    live: int
    pending: int
    gaps: int
    quoted: tuple[tuple[str, int], ...] = ()

    @property
    def asked(self) -> int:
        return sum(self.questions.values())


# Authors of notes: their contributors and the writers of accepted extensions.
_CREDITED: Final = f"""
    credited as (select id as note_id, contributor_id, contributor from notes union
    select e.note_id, e.writer_id, e.writer from revisions e join notes m on m.id = e.note_id
    where {ACCEPTED})
"""  # noqa: S608 - constants only


def note_counts(database: Database, guild_id: int) -> dict[str, int]:
    """The numbers of a guild's live and pending notes."""
    [row] = database.rows(
        "select (select count(*) from notes where guild_id = ? "
        "  and live_revision_id is not null) as live, "
        "(select count(*) from revisions r join notes n on n.id = r.note_id "
        "  where n.guild_id = ? and r.state = 'pending') as pending",
        [guild_id, guild_id],
    )
    return row


class Credit(Tables):
    """Credit and figures from the community database."""

    def contributors(
        self, guild_id: int, since: datetime | None, quotes: int, further_share: float
    ) -> list[Contributor]:
        """The guild's contributors, with the most helpful citations first.

        Verdicts count from the time `since` on. It isn't recorded which hits an answer quoted. If
        no number was recorded with the question, the best `quotes` hits count, and a further hit
        needs the share `further_share` of the best hit's score.
        """
        since_then, moments = ("and f.created_at >= ?", [since]) if since is not None else ("", [])
        return self._db.records(
            Contributor,
            f"with {_CREDITED}, quoted as (select h.question_id, n.id as note_id, "  # noqa: S608
            "  a.contributor_id, '' as document_id "
            "  from hits h join recorded_passages p on p.digest = h.passage_digest "
            "  join notes n on p.document_id = 'note:' || cast(n.id as text) "
            "  join credited a on a.note_id = n.id "
            "  join questions q on q.id = h.question_id "
            "  where n.guild_id = ? and q.guild_id = ? and a.contributor_id != 0 "
            "  and q.evidence != 'none' and h.rank <= coalesce(q.quotations, ?) "
            "  and h.score >= ? * (select score from hits b where b.question_id = h.question_id "
            "  order by rank limit 1)"
            # A verdict about one document credits only that document.
            "  union select f.question_id, n.id, a.contributor_id, f.document_id from feedback f "
            "  join questions q on q.id = f.question_id "
            "  join notes n on f.document_id = 'note:' || cast(n.id as text) "
            "  join credited a on a.note_id = n.id "
            "  where n.guild_id = ? and q.guild_id = ? and a.contributor_id != 0"
            "), counted as (select distinct c.contributor_id, c.note_id, f.member_id, "
            "  lower(trim(q.text)) as text "
            "  from quoted c join feedback f on f.question_id = c.question_id "
            "  and f.document_id = c.document_id join questions q on q.id = c.question_id "
            "  where f.verdict = 'helpful' and f.member_id != c.contributor_id "
            f"  {since_then}) "
            "select contributor_id, count(*) as citations, count(distinct note_id) as notes, "
            "(select a.contributor from credited a join notes m on m.id = a.note_id "
            "  where a.contributor_id = c.contributor_id and m.guild_id = ? "
            "  order by m.id desc, a.contributor limit 1) as name "
            "from counted c group by contributor_id "
            "order by citations desc, notes, contributor_id",
            [guild_id, guild_id, quotes, further_share, guild_id, guild_id, *moments, guild_id],
        )

    def activity(self, guild_id: int, gaps: int, most_quoted: int) -> Activity:
        """Figures of a guild; a question that was answered again later is counted once."""
        asked = self._db.rows(
            "select evidence, count(*) as number from questions "
            "where guild_id = ? and told_for is null group by evidence",
            [guild_id],
        )
        [verdicts] = self._db.rows(
            "select count(*) filter (where f.verdict = 'helpful') as helpful, "
            "count(*) filter (where f.verdict = 'unhelpful') as unhelpful "
            "from feedback f join questions q on q.id = f.question_id where q.guild_id = ?",
            [guild_id],
        )
        quoted = self._db.rows(
            "select max(p.title) as title, count(distinct h.question_id) as number from hits h "
            "join recorded_passages p on p.digest = h.passage_digest "
            "join questions q on q.id = h.question_id "
            "where q.guild_id = ? and q.private = 0 and q.evidence != 'none' and h.rank = 1 "
            # Passages of channels may be hidden from some readers of these figures.
            "and p.source_channel_id is null "
            # Passages found only by pruned questions have no title.
            "group by p.document_id having max(p.title) != '' "
            "order by number desc, p.document_id limit ?",
            [guild_id, most_quoted],
        )
        return Activity(
            questions={
                **dict.fromkeys(Evidence, 0),
                **{Evidence(row["evidence"]): row["number"] for row in asked},
            },
            helpful=verdicts["helpful"],
            unhelpful=verdicts["unhelpful"],
            **note_counts(self._db, guild_id),
            gaps=gaps,
            quoted=tuple((row["title"], row["number"]) for row in quoted),
        )

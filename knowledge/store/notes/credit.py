"""Credit for helpful notes, and figures of a guild's activity.

A note earns credit when another member marks an answer with its quotation as helpful. The same
question from the same member counts once per note. Forgotten members aren't listed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from knowledge.store.database import Database
from knowledge.store.notes.note_records import ACCEPTED
from knowledge.values.questions import Evidence


@dataclass(frozen=True, slots=True)
class Contributor:
    """A contributor, with the number of helpful answers from their notes."""

    name: str
    citations: int
    notes: int


@dataclass(frozen=True, slots=True)
class Activity:
    """Figures of a guild's activity.

    Attributes:
        questions: the number of questions, by evidence.
        helpful: the number of *helpful* verdicts.
        unhelpful: the number of *unhelpful* verdicts.
        live: the number of live notes.
        pending: the number of pending revisions.
        gaps: the number of questions in gaps.
        quoted: the titles of the most quoted documents, each with its number of answers.
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


class Credit:
    """Credit and figures from the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def contributors(
        self, guild_id: int, since: datetime | None, quotes: int, further_share: float
    ) -> list[Contributor]:
        """The guild's contributors, with the most helpful citations first.

        It isn't recorded which hits an answer quoted, so `quotes` and `further_share` decide which
        hits count.

        Args:
            guild_id: the guild.
            since: count verdicts from this time on; None for all.
            quotes: the largest number of hits that count, if none was recorded with the question.
            further_share: the share of the best hit's score that a further hit needs to count.
        """
        since_then, moments = (
            ("and f.created_at >= ?", [since.isoformat()]) if since is not None else ("", [])
        )
        rows = self._database.rows(
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
        return [Contributor(row["name"], row["citations"], row["notes"]) for row in rows]

    def activity(self, guild_id: int, gaps: int, most_quoted: int) -> Activity:
        """Figures of a guild; a question that was answered again later is counted once.

        Args:
            guild_id: the guild.
            gaps: the number of questions in gaps, for `Activity.gaps`.
            most_quoted: the largest number of documents in `Activity.quoted`.
        """
        asked = self._database.rows(
            "select evidence, count(*) as number from questions "
            "where guild_id = ? and told_for is null group by evidence",
            [guild_id],
        )
        [verdicts] = self._database.rows(
            "select count(*) filter (where f.verdict = 'helpful') as helpful, "
            "count(*) filter (where f.verdict = 'unhelpful') as unhelpful "
            "from feedback f join questions q on q.id = f.question_id where q.guild_id = ?",
            [guild_id],
        )
        [notes] = self._database.rows(
            "select (select count(*) from notes where guild_id = ? "
            "  and live_revision_id is not null) as live, "
            "(select count(*) from revisions r join notes n on n.id = r.note_id "
            "  where n.guild_id = ? and r.state = 'pending') as pending",
            [guild_id, guild_id],
        )
        return Activity(
            questions={
                **dict.fromkeys(Evidence, 0),
                **{Evidence(row["evidence"]): row["number"] for row in asked},
            },
            helpful=verdicts["helpful"],
            unhelpful=verdicts["unhelpful"],
            live=notes["live"],
            pending=notes["pending"],
            gaps=gaps,
            quoted=self._most_quoted(guild_id, most_quoted),
        )

    def _most_quoted(self, guild_id: int, most: int) -> tuple[tuple[str, int], ...]:
        quoted = self._database.rows(
            "select max(p.title) as title, count(distinct h.question_id) as number from hits h "
            "join recorded_passages p on p.digest = h.passage_digest "
            "join questions q on q.id = h.question_id "
            "where q.guild_id = ? and q.private = 0 and q.evidence != 'none' and h.rank = 1 "
            # Passages of channels may be hidden from some readers of these figures.
            "and p.source_channel_id is null "
            # Passages found only by pruned questions have no title.
            "group by p.document_id having max(p.title) != '' "
            "order by number desc, p.document_id limit ?",
            [guild_id, most],
        )
        return tuple((row["title"], row["number"]) for row in quoted)

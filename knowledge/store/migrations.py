"""The tables of the community database: an ordered list of migrations, never edited after release.

A migration runs in one transaction together with the record that it ran (sqlite-utils), so a
process killed in the middle of one leaves the database as it was before.
"""

import hashlib
import json

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("commonplace")


def _run(db: Database, script: str) -> None:
    """Run statements separated by blank lines, inside the migration's own transaction.

    `executescript` would commit first, and half a migration could then survive a crash.
    """
    for statement in script.strip().split("\n\n"):
        db.execute(statement)


@MIGRATIONS()
def m001_first_tables(db: Database) -> None:
    """Guilds, notes with their revisions and reviews, questions with their hits, the log."""
    _run(
        db,
        """
        create table guilds (
            id integer primary key,
            review_channel_id integer,
            moderator_role_id integer
        ) strict

        create table notes (
            id integer primary key autoincrement,
            guild_id integer not null,
            contributor_id integer not null,
            contributor text not null,
            channel_id integer not null,
            live_revision_id integer references revisions(id),
            created_at text not null
        ) strict

        create index notes_by_guild on notes (guild_id)

        create table revisions (
            id integer primary key autoincrement,
            note_id integer not null references notes(id),
            number integer not null,
            title text not null,
            text text not null,
            tags text not null,
            link text not null,
            state text not null check (state in
                ('pending', 'changes_requested', 'approved', 'rejected', 'withdrawn')),
            created_at text not null,
            card_channel_id integer,
            card_message_id integer,
            unique (note_id, number)
        ) strict

        create index revisions_by_state on revisions (state)

        create table reviews (
            id integer primary key autoincrement,
            revision_id integer not null references revisions(id),
            moderator_id integer not null,
            moderator text not null,
            decision text not null,
            reason text not null,
            created_at text not null
        ) strict

        create index reviews_by_revision on reviews (revision_id)

        create table questions (
            id integer primary key autoincrement,
            guild_id integer,
            channel_id integer,
            asker_id integer not null,
            text text not null,
            evidence text not null check (evidence in ('strong', 'partial', 'none')),
            asked_at text not null,
            generation integer not null
        ) strict

        create index questions_by_evidence on questions (guild_id, evidence)

        create table hits (
            question_id integer not null references questions(id) on delete cascade,
            rank integer not null,
            document_id text not null,
            title text not null,
            heading text not null,
            passage text not null,
            score real not null,
            legs text not null,
            link text not null,
            primary key (question_id, rank)
        ) strict

        create table feedback (
            question_id integer not null references questions(id) on delete cascade,
            member_id integer not null,
            verdict text not null check (verdict in ('helpful', 'unhelpful')),
            reason text not null,
            created_at text not null,
            primary key (question_id, member_id)
        ) strict

        create table sources (
            location text not null,
            scope integer not null,
            added_at text not null,
            primary key (location, scope)
        ) strict

        create table memory (
            key text primary key,
            value text not null
        ) strict

        create table log (
            id integer primary key autoincrement,
            at text not null,
            guild_id integer,
            actor_id integer,
            event text not null,
            subject text not null,
            detail text not null,
            digest text not null
        ) strict

        create trigger log_is_never_changed before update on log
        begin select raise(abort, 'the log is append-only'); end

        create trigger log_is_never_cut before delete on log
        begin select raise(abort, 'the log is append-only'); end
        """,
    )


@MIGRATIONS()
def m002_the_whole_life_of_a_note(db: Database) -> None:
    """Writers, votes that can be taken back, retiring, reports, rules, notices, the log's keys."""
    _run(
        db,
        """
        alter table guilds add column four_eyes integer not null default 1

        alter table guilds add column undo_minutes integer not null default 15

        alter table guilds add column reminder_hours integer not null default 24

        alter table guilds add column sample_every integer not null default 5

        alter table guilds add column allowed_hosts text not null default '[]'

        alter table guilds add column reminded_at text

        create table rules (
            guild_id integer not null,
            tag text not null,
            quorum integer not null check (quorum >= 1),
            review_after_days integer check (review_after_days >= 1),
            publish_role_id integer,
            primary key (guild_id, tag)
        ) strict

        alter table notes add column retired_revision_id integer references revisions(id)

        alter table notes add column verified_at text

        alter table notes add column review_at text

        alter table notes add column sampled integer not null default 0

        alter table notes add column source_channel_id integer

        alter table notes add column source_message_id integer

        alter table notes add column source_change text not null default ''

        create index notes_by_source on notes (source_message_id)

        create index notes_by_contributor on notes (contributor_id)

        alter table revisions add column writer_id integer not null default 0

        alter table revisions add column writer text not null default ''

        alter table revisions add column replaced_by integer references revisions(id)

        alter table revisions add column card_due integer not null default 1

        update revisions set card_due = 0 where card_message_id is not null

        update revisions set (writer_id, writer) =
            (select contributor_id, contributor from notes where id = note_id)

        alter table reviews add column undone_at text

        alter table reviews add column duplicate_of text not null default ''

        alter table reviews add column before text not null default '{}'

        update notes set verified_at =
            (select max(created_at) from reviews where revision_id = live_revision_id)

        create table reports (
            id integer primary key autoincrement,
            note_id integer not null references notes(id),
            revision_id integer not null references revisions(id),
            member_id integer not null,
            problem text not null check (problem in ('outdated', 'wrong', 'unsafe')),
            reason text not null,
            created_at text not null,
            closed_at text
        ) strict

        create index reports_by_note on reports (note_id)

        create table notices (
            id integer primary key autoincrement,
            guild_id integer not null,
            member_id integer not null,
            channel_id integer not null,
            event text not null,
            revision_id integer references revisions(id),
            question_id integer references questions(id) on delete set null,
            created_at text not null,
            sent_at text
        ) strict

        create index notices_unsent on notices (id) where sent_at is null

        create table members (
            key integer primary key autoincrement,
            user_id integer unique
        ) strict
        """,
    )
    _give_the_log_keys(db)


def _give_the_log_keys(db: Database) -> None:
    """Write the log once more, with keys in place of Discord ids and without anybody's words.

    What a member asks to be forgotten can then leave the database without breaking the chain.
    """
    entries = list(db.query("select * from log order by id"))
    _run(
        db,
        """
        drop table log

        create table log (
            id integer primary key autoincrement,
            at text not null,
            guild_id integer,
            actor integer,
            event text not null,
            subject text not null,
            detail text not null,
            digest text not null
        ) strict

        create trigger log_is_never_changed before update on log
        begin select raise(abort, 'the log is append-only'); end

        create trigger log_is_never_cut before delete on log
        begin select raise(abort, 'the log is append-only'); end
        """,
    )
    previous = ""
    for entry in entries:
        actor = None
        if entry["actor_id"] is not None:
            db.execute("insert or ignore into members (user_id) values (?)", [entry["actor_id"]])
            found = db.execute("select key from members where user_id = ?", [entry["actor_id"]])
            actor = found.fetchone()[0]
        detail = json.loads(entry["detail"])
        detail.pop("reason", None)
        kind, _, revision_id = entry["subject"].partition(":")
        if kind == "revision":
            found = db.execute("select note_id from revisions where id = ?", [revision_id])
            detail |= {"note": found.fetchone()[0], "revision": int(revision_id)}
        fields = [
            entry["id"],
            entry["at"],
            entry["guild_id"],
            actor,
            entry["event"],
            entry["subject"],
            json.dumps(detail, ensure_ascii=False, sort_keys=True),
        ]
        # As `log.digest` had it when this migration was written; a migration is never edited.
        covered = json.dumps([previous, *fields], ensure_ascii=False).encode()
        previous = hashlib.sha256(covered).hexdigest()
        db.execute(
            "insert into log (id, at, guild_id, actor, event, subject, detail, digest) "
            "values (?, ?, ?, ?, ?, ?, ?, ?)",
            [*fields, previous],
        )


@MIGRATIONS()
def m003_file_ids(db: Database) -> None:
    """The ids of imported files that were moved: nothing else knows what they were called."""
    _run(
        db,
        """
        create table file_ids (
            path text primary key,
            document_id text not null
        ) strict
        """,
    )


@MIGRATIONS()
def m004_replay(db: Database) -> None:
    """What an answer can be replayed by: the question before it, the settings, the signals."""
    _run(
        db,
        """
        alter table questions add column earlier text not null default ''

        alter table questions add column settings text not null default ''

        alter table questions add column signals text not null default '{}'
        """,
    )


@MIGRATIONS()
def m005_due_cards(db: Database) -> None:
    """The review date that a note's card shows as passed."""
    _run(db, "alter table notes add column due_shown text")


@MIGRATIONS()
def m006_gaps(db: Database) -> None:
    """How a question was asked, what became of it as a gap, and who does not want to be told."""
    _run(
        db,
        """
        alter table questions add column private integer not null default 0

        alter table questions add column settled text not null default ''

        alter table questions add column told_for integer
            references questions(id) on delete set null

        create index questions_by_asker on questions (asker_id)

        create index questions_told_for on questions (told_for) where told_for is not null

        create index notices_by_member on notices (member_id, event)

        create table gap_notes (
            note_id integer primary key references notes(id) on delete cascade,
            question_id integer not null references questions(id) on delete cascade
        ) strict

        create table gap_checks (
            note_id integer primary key references notes(id) on delete cascade,
            revision_id integer not null,
            verified_at text
        ) strict

        insert into gap_checks (note_id, revision_id, verified_at)
            select id, live_revision_id, verified_at from notes where live_revision_id is not null

        create table quiet_members (
            member_id integer primary key
        ) strict
        """,
    )


@MIGRATIONS()
def m007_tombstones(db: Database) -> None:
    """What was deleted for good, and since when a guild's bot is gone."""
    _run(
        db,
        """
        create table tombstones (
            kind text not null,
            subject text not null,
            at text not null,
            primary key (kind, subject, at)
        ) strict

        alter table guilds add column left_at text
        """,
    )


@MIGRATIONS()
def m008_audiences(db: Database) -> None:
    """For the readers of which channels a question was answered, and from which of them a hit is.

    Of what a channel's messages say, a hit keeps no word: one that is deleted in Discord is then
    deleted here with the index, wherever it was found.
    """
    _run(
        db,
        """
        alter table questions add column channels text not null default '[]'

        alter table hits add column source_channel_id integer check
            (source_channel_id is null or (title = '' and heading = '' and passage = ''))

        alter table hits add column position integer
        """,
    )


@MIGRATIONS()
def m009_channels(db: Database) -> None:
    """The channels of guilds that are read, and what of each."""
    _run(
        db,
        """
        create table channels (
            id integer primary key,
            guild_id integer not null,
            reads text not null check (reads in ('threads', 'posts', 'pins')),
            added_at text not null
        ) strict

        create index channels_by_guild on channels (guild_id)
        """,
    )


@MIGRATIONS()
def m010_setting_up(db: Database) -> None:
    """What else administrators choose; and the log can be paged through without reading all of it.

    Each index on the log ends with its id, in the order of which it is shown.
    """
    _run(
        db,
        """
        alter table guilds add column private_answers integer

        alter table guilds add column listen_channels text not null default '[]'

        alter table guilds add column language text not null default 'en'

        create index log_of_guild on log(guild_id)

        create index log_by_event on log(guild_id, event)

        create index log_by_actor on log(guild_id, actor)

        create index log_by_time on log(guild_id, at)
        """,
    )


@MIGRATIONS()
def m011_handing_on(db: Database) -> None:
    """Whether questions may be handed on to moderators, and which were, by whom."""
    _run(
        db,
        """
        alter table guilds add column hand_on integer not null default 0

        create table handed_on (
            question_id integer primary key references questions(id) on delete cascade,
            guild_id integer not null,
            member_id integer not null,
            at text not null,
            posted integer not null default 0
        ) strict

        create index handed_on_by_member on handed_on (member_id, at)
        """,
    )


@MIGRATIONS()
def m012_codes_of_reasons(db: Database) -> None:
    """Why an answer did not help: what was chosen is a code, and no longer its English label."""
    _run(
        db,
        """
        alter table feedback add column reason_code text not null default ''

        update feedback set reason_code = case reason
            when '' then ''
            when 'It''s about something else' then 'off_topic'
            when 'A part of the answer is missing' then 'incomplete'
            when 'It''s outdated' then 'outdated'
            when 'It''s wrong' then 'wrong'
            when 'I don''t understand it' then 'unclear'
            else 'other' end

        update feedback set reason = '' where reason_code != 'other'
        """,
    )


@MIGRATIONS()
def m013_passages_once(db: Database) -> None:
    """A passage that was found is kept once, not with each question; old questions lose words.

    A hit is a rank, a score and the digest of its passage. The last hit on a passage takes it
    along, so that nothing outlives the questions that it was found for.
    """

    def digest(*fields: object) -> str:
        # As `question_records.recorded_digest` had it when this migration was written.
        covered = json.dumps(fields, ensure_ascii=False).encode()
        return hashlib.sha256(covered).hexdigest()[:32]

    db.conn.create_function("m013_digest", 7, digest, deterministic=True)
    _run(
        db,
        """
        alter table questions add column pruned_at text

        create index questions_unpruned on questions (asked_at) where pruned_at is null

        create table recorded_passages (
            digest text primary key,
            document_id text not null,
            title text not null,
            heading text not null,
            passage text not null,
            link text not null,
            source_channel_id integer check
                (source_channel_id is null or (title = '' and heading = '' and passage = '')),
            position integer
        ) strict

        create index recorded_passages_by_document on recorded_passages (document_id)

        alter table hits rename to hits_with_passages

        create table hits (
            question_id integer not null references questions(id) on delete cascade,
            rank integer not null,
            score real not null,
            legs text not null,
            passage_digest text not null references recorded_passages(digest) on delete cascade,
            primary key (question_id, rank)
        ) strict

        insert or ignore into recorded_passages
            select m013_digest(document_id, title, heading, passage, link, source_channel_id,
                position), document_id, title, heading, passage, link, source_channel_id, position
            from hits_with_passages

        insert into hits select question_id, rank, score, legs, m013_digest(document_id, title,
            heading, passage, link, source_channel_id, position) from hits_with_passages

        drop table hits_with_passages

        create index hits_by_passage on hits (passage_digest)

        create trigger passages_go_with_their_last_hit after delete on hits
        when not exists (select 1 from hits where passage_digest = old.passage_digest)
        begin delete from recorded_passages where digest = old.passage_digest; end
        """,
    )


@MIGRATIONS()
def m014_submitted_forms(db: Database) -> None:
    """What was typed into a form, for as long as the bot is at it."""
    _run(
        db,
        """
        create table submitted_forms (
            id integer primary key,
            guild_id integer,
            member_id integer not null,
            token text not null,
            locale text not null,
            custom_id text not null,
            fields text not null,
            sent_at text not null,
            taken integer not null
        ) strict
        """,
    )

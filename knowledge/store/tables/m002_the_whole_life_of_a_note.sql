-- Writers, votes that can be taken back, retiring, reports, rules, notices, the log's keys.

alter table guilds add column four_eyes integer not null default 1;

alter table guilds add column undo_minutes integer not null default 15;

alter table guilds add column reminder_hours integer not null default 24;

alter table guilds add column sample_every integer not null default 5;

alter table guilds add column allowed_hosts text not null default '[]';

alter table guilds add column reminded_at text;

create table rules (
    guild_id integer not null,
    tag text not null,
    quorum integer not null check (quorum >= 1),
    review_after_days integer check (review_after_days >= 1),
    publish_role_id integer,
    primary key (guild_id, tag)
) strict;

alter table notes add column retired_revision_id integer references revisions(id);

alter table notes add column verified_at text;

alter table notes add column review_at text;

alter table notes add column sampled integer not null default 0;

alter table notes add column source_channel_id integer;

alter table notes add column source_message_id integer;

alter table notes add column source_change text not null default '';

create index notes_by_source on notes (source_message_id);

create index notes_by_contributor on notes (contributor_id);

alter table revisions add column writer_id integer not null default 0;

alter table revisions add column writer text not null default '';

alter table revisions add column replaced_by integer references revisions(id);

alter table revisions add column card_due integer not null default 1;

update revisions set card_due = 0 where card_message_id is not null;

update revisions set (writer_id, writer) =
    (select contributor_id, contributor from notes where id = note_id);

alter table reviews add column undone_at text;

alter table reviews add column duplicate_of text not null default '';

alter table reviews add column before text not null default '{}';

update notes set verified_at =
    (select max(created_at) from reviews where revision_id = live_revision_id);

create table reports (
    id integer primary key autoincrement,
    note_id integer not null references notes(id),
    revision_id integer not null references revisions(id),
    member_id integer not null,
    problem text not null check (problem in ('outdated', 'wrong', 'unsafe')),
    reason text not null,
    created_at text not null,
    closed_at text
) strict;

create index reports_by_note on reports (note_id);

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
) strict;

create index notices_unsent on notices (id) where sent_at is null;

create table members (
    key integer primary key autoincrement,
    user_id integer unique
) strict;

drop trigger log_is_never_changed;

drop trigger log_is_never_cut;

alter table log rename to log_with_ids;

create table log (
    id integer primary key autoincrement,
    at text not null,
    guild_id integer,
    actor integer,
    event text not null,
    subject text not null,
    detail text not null,
    digest text not null
) strict;

create trigger log_is_never_changed before update on log
begin select raise(abort, 'the log is append-only'); end;

create trigger log_is_never_cut before delete on log
begin select raise(abort, 'the log is append-only'); end;

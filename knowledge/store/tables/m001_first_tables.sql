-- Guilds, notes with their revisions and reviews, questions with their hits, the log.

create table guilds (
    id integer primary key,
    review_channel_id integer,
    moderator_role_id integer
) strict;

create table notes (
    id integer primary key autoincrement,
    guild_id integer not null,
    contributor_id integer not null,
    contributor text not null,
    channel_id integer not null,
    live_revision_id integer references revisions(id),
    created_at text not null
) strict;

create index notes_by_guild on notes (guild_id);

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
) strict;

create index revisions_by_state on revisions (state);

create table reviews (
    id integer primary key autoincrement,
    revision_id integer not null references revisions(id),
    moderator_id integer not null,
    moderator text not null,
    decision text not null,
    reason text not null,
    created_at text not null
) strict;

create index reviews_by_revision on reviews (revision_id);

create table questions (
    id integer primary key autoincrement,
    guild_id integer,
    channel_id integer,
    asker_id integer not null,
    text text not null,
    evidence text not null check (evidence in ('strong', 'partial', 'none')),
    asked_at text not null,
    generation integer not null
) strict;

create index questions_by_evidence on questions (guild_id, evidence);

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
) strict;

create table feedback (
    question_id integer not null references questions(id) on delete cascade,
    member_id integer not null,
    verdict text not null check (verdict in ('helpful', 'unhelpful')),
    reason text not null,
    created_at text not null,
    primary key (question_id, member_id)
) strict;

create table sources (
    location text not null,
    scope integer not null,
    added_at text not null,
    primary key (location, scope)
) strict;

create table memory (
    key text primary key,
    value text not null
) strict;

create table log (
    id integer primary key autoincrement,
    at text not null,
    guild_id integer,
    actor_id integer,
    event text not null,
    subject text not null,
    detail text not null,
    digest text not null
) strict;

create trigger log_is_never_changed before update on log
begin select raise(abort, 'the log is append-only'); end;

create trigger log_is_never_cut before delete on log
begin select raise(abort, 'the log is append-only'); end;

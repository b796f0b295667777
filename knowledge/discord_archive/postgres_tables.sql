-- The archive of synced channels in PostgreSQL: the tables of `tables.sql`.

create table channels (
    id bigint primary key,
    guild_id bigint not null,
    name text collate "C" not null,
    reads text collate "C" not null,
    stage text collate "C" not null,
    round bigint not null,
    cursor text collate "C" not null,
    synced_at text collate "C",
    reason text collate "C" not null,
    place_channel_id bigint not null,
    place_message_id bigint not null
);

create table threads (
    id bigint primary key,
    channel_id bigint not null,
    name text collate "C" not null,
    solved bigint not null,
    last_id bigint not null,
    read_to bigint not null,
    due bigint not null,
    whole bigint not null,
    round bigint not null,
    changed bigint not null,
    made bigint not null,
    lacks bigint not null,
    reason text collate "C" not null
);
create index threads_by_channel on threads (channel_id, due, last_id);
create index threads_to_make on threads (changed) where changed > made and whole = 1;

create table messages (
    id bigint primary key,
    thread_id bigint not null,
    author_id bigint not null,
    author text collate "C" not null,
    edited_at text collate "C",
    text text collate "C" not null,
    reply_to bigint not null,
    reactions text collate "C" not null,
    bot bigint not null,
    names text collate "C" not null
);
create index messages_by_thread on messages (thread_id, id);
create index messages_by_author on messages (author_id);

create table documents (
    id text collate "C" primary key,
    thread_id bigint not null,
    digest text collate "C" not null
);
create index documents_by_thread on documents (thread_id);

create table openers (thread_id bigint primary key, message_id bigint not null);

create table memory (key text collate "C" primary key, value text collate "C" not null);

-- What somebody deleted stays in a dead row until it is vacuumed: from the first one, that is due
-- with the next round, by default within a minute.
alter table messages set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0)

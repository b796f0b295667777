-- The archive of synced channels (`channels.db`).

create table channels (
    id integer primary key,
    guild_id integer not null,
    name text not null,
    reads text not null,
    stage text not null,
    round integer not null,
    cursor text not null,
    synced_at text,
    reason text not null,
    place_channel_id integer not null,
    place_message_id integer not null
) strict;

create table threads (
    id integer primary key,
    channel_id integer not null,
    name text not null,
    solved integer not null,
    last_id integer not null,
    read_to integer not null,
    due integer not null,
    whole integer not null,
    round integer not null,
    changed integer not null,
    made integer not null,
    lacks integer not null,
    reason text not null
) strict;

create index threads_by_channel on threads (channel_id, due, last_id);

create index threads_to_make on threads (changed) where changed > made and whole = 1;

create table messages (
    id integer primary key,
    thread_id integer not null,
    author_id integer not null,
    author text not null,
    edited_at text,
    text text not null,
    reply_to integer not null,
    reactions text not null,
    bot integer not null,
    names text not null
) strict;

create index messages_by_thread on messages (thread_id, id);

create index messages_by_author on messages (author_id);

create table documents (
    id text primary key,
    thread_id integer not null,
    digest text not null
) strict;

create index documents_by_thread on documents (thread_id);

-- The message that a thread of a text channel opens with; a forum post opens with its own id.
create table openers (
    thread_id integer primary key,
    message_id integer not null
) strict;

create table memory (
    key text primary key,
    value text not null
) strict;

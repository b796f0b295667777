-- The entries of sources (`web.db`).

create table sources (
    source text primary key,
    synced_at text,
    reason text not null,
    state text not null default ''
) strict;

create table entries (
    source text not null,
    key text not null,
    link text not null,
    content blob not null,
    content_type text not null,
    revision text not null,
    last_modified text not null,
    fetched_at text,
    checked_at text,
    gone_at text,
    reason text not null,
    title text not null,
    text text not null,
    readers integer not null,
    details text not null default '',
    primary key (source, key)
) strict;

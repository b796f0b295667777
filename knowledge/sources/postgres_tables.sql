-- The entries of sources, in PostgreSQL: the tables of `tables.sql`.

create table sources (
    source text collate "C" primary key,
    synced_at text collate "C",
    reason text collate "C" not null,
    state text collate "C" not null
);

create table entries (
    -- The order in which entries were found, as SQLite numbers rows by itself.
    rowid bigint generated always as identity,
    source text collate "C" not null,
    key text collate "C" not null,
    link text collate "C" not null,
    content bytea not null,
    content_type text collate "C" not null,
    revision text collate "C" not null,
    last_modified text collate "C" not null,
    fetched_at text collate "C",
    checked_at text collate "C",
    gone_at text collate "C",
    reason text collate "C" not null,
    title text collate "C" not null,
    text text collate "C" not null,
    readers bigint not null,
    details text collate "C" not null,
    primary key (source, key)
);

-- It is compressed already.
alter table entries alter content set storage external

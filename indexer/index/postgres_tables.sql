-- The index database in PostgreSQL: the tables of `tables.sql`, and snapshots, which SQLite keeps in
-- files. Texts that are ordered or compared as ranges are so by code point, whatever the database's
-- own order.

create table manifest (key text primary key, value text not null);

create table documents (
    -- The order in which documents were put in, as SQLite numbers rows by itself.
    rowid bigint generated always as identity,
    id text collate "C" primary key,
    scope bigint not null,
    kind text not null,
    digest text not null,
    metadata text not null
);
create index documents_by_scope on documents (scope, rowid);

create table passages (
    id bigint generated always as identity primary key,
    document_id text collate "C" not null references documents (id),
    scope bigint not null,
    position bigint not null,
    heading text not null,
    text text not null,
    words text not null,
    digest bytea not null,
    generation bigint not null,
    section bigint not null default -1,
    separator text not null default '',
    contents bigint not null default 0
);
create index passages_by_document on passages (document_id, position);
create index passages_by_scope on passages (scope, generation);
create index passages_by_digest on passages (digest);

create table passage_vectors (
    passage_id bigint primary key references passages (id) on delete cascade,
    vectors bytea not null
);

create table windows (
    passage_id bigint not null references passages (id) on delete cascade,
    digest bytea not null
);
create index windows_by_passage on windows (passage_id);

create table vectors (digest bytea primary key, vector bytea not null);

create table removed (id bigint primary key, scope bigint not null, generation bigint not null);
create index removed_by_scope on removed (scope, generation);

-- How often each scope has changed, and in which of its generations documents were last cited
-- elsewhere. The row is locked until the change is committed, so that no reader sees a later change
-- before an earlier one, and one process at a time writes for a scope.
create table generations (
    scope bigint primary key,
    generation bigint not null,
    changed_at text not null default '',
    relinked bigint not null default 0
);

create table files (
    path text collate "C" primary key,
    scope bigint not null,
    document_id text collate "C" not null,
    size bigint not null,
    mtime_ns bigint,
    digest text not null,
    readers bigint not null,
    read_at text not null,
    documents text not null,
    failures text not null,
    withheld text not null default '',
    link text not null default ''
);
create index files_by_document on files (document_id);

create table passage_lines (
    passage_id bigint primary key references passages (id) on delete cascade,
    fragment text not null
);

create table token_codes (digest bytea primary key, codes bytea not null);

create table snapshots (
    scope bigint primary key,
    generation bigint not null,
    identity text not null,
    vectors bytea not null,
    words bytea not null
);

-- A row that is changed again and again stays in its page.
alter table generations set (fillfactor = 50);

-- Numbers that chance made can't be compressed.
alter table passage_vectors alter column vectors set storage external;
alter table vectors alter column vector set storage external;
alter table token_codes alter column codes set storage external;
alter table snapshots alter column vectors set storage external;
alter table snapshots alter column words set storage external;

-- A deleted text stays in a dead row until it is vacuumed: from the first one, that is due with the
-- next round, by default within a minute.
alter table documents set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
alter table passages set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0);
alter table token_codes set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0);
alter table snapshots set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0);

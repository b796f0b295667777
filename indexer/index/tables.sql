-- The index database (`index.db`).

create table manifest (key text primary key, value text not null) strict;

create table documents (
    id text primary key,
    scope integer not null,
    kind text not null,
    digest text not null,
    metadata text not null
) strict;

create table passages (
    id integer primary key autoincrement,
    document_id text not null references documents(id),
    scope integer not null,
    position integer not null,
    heading text not null,
    text text not null,
    words text not null,
    digest blob not null,
    generation integer not null,
    section integer not null default -1,
    separator text not null default '',
    contents integer not null default 0
) strict;
create index passages_by_document on passages (document_id, position);
create index passages_by_scope on passages (scope, generation);
create index passages_by_digest on passages (digest);

create table passage_vectors (
    passage_id integer primary key references passages(id) on delete cascade,
    vectors blob not null
) strict;

create table windows (
    passage_id integer not null references passages(id) on delete cascade,
    digest blob not null
) strict;
create index windows_by_passage on windows (passage_id);

create table vectors (
    id integer primary key,
    digest blob not null unique,
    vector blob not null
) strict;

create table removed (id integer primary key, scope integer not null, generation integer not null)
strict;
create index removed_by_scope on removed (scope, generation);

-- How often each scope has changed: a reader asks for what is of a higher generation than it has;
-- and in which of its generations documents were last cited elsewhere.
create table generations (
    scope integer primary key,
    generation integer not null,
    changed_at text not null default '',
    relinked integer not null default 0
) strict;

-- Records of imported files.
create table files (
    path text primary key,
    scope integer not null,
    document_id text not null,
    size integer not null,
    mtime_ns integer,
    digest text not null,
    readers integer not null,
    read_at text not null,
    documents text not null,
    failures text not null,
    withheld text not null default '',
    link text not null default ''
) strict;
create index files_by_document on files (document_id);

-- The fragment of a citation's link, behind the #, of passages whose lines are known.
create table passage_lines (
    passage_id integer primary key references passages(id) on delete cascade,
    fragment text not null
) strict;

-- Codes of token vectors by the digest of their passage, for late interaction. A passage without
-- tokens has none.
create table token_codes (
    digest blob primary key not null,
    codes blob not null
) strict;

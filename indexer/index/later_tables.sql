-- Tables of the index database that indexes of earlier releases lack.

-- Records of imported files.
create table if not exists files (
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

-- What a citation's link names behind its #, of passages of which it can be told.
create table if not exists passage_lines (
    passage_id integer primary key references passages(id) on delete cascade,
    fragment text not null
) strict;

-- The codes of token vectors, by the digest of the passage that they are of: what late interaction
-- compares. A passage may have none yet.
create table if not exists token_codes (
    digest blob primary key not null,
    codes blob not null
) strict;

create index if not exists passages_by_digest on passages (digest)

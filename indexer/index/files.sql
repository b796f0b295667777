-- Records of imported files, in the index database.

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

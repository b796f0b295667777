-- The pages that were fetched (`web.db`).

create table sites (
    url text primary key,
    synced_at text,
    reason text not null,
    state text not null default ''
) strict;

create table pages (
    site text not null,
    url text not null,
    link text not null,
    content blob not null,
    content_type text not null,
    etag text not null,
    last_modified text not null,
    fetched_at text,
    checked_at text,
    gone_at text,
    reason text not null,
    title text not null,
    text text not null,
    readers integer not null,
    details text not null default '',
    primary key (site, url)
) strict;

-- What was deleted for good, and since when a guild's bot is gone.

create table tombstones (
    kind text not null,
    subject text not null,
    at text not null,
    primary key (kind, subject, at)
) strict;

alter table guilds add column left_at text;

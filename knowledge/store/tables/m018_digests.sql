-- Weekly digests, as a guild's administrators chose them, and how far each has come.

create table digests (
    guild_id integer not null,
    edition text not null check (edition in ('moderators', 'everybody')),
    channel_id integer not null,
    weekday integer not null check (weekday between 0 and 6),
    hour integer not null check (hour between 0 and 23),
    zone text not null,
    chosen_at text not null,
    settled_at text,
    covered_at text,
    claimed_at text,
    warned integer not null default 0,
    primary key (guild_id, edition)
) strict;

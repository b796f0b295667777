-- The channels of guilds that are read, and what of each.

create table channels (
    id integer primary key,
    guild_id integer not null,
    reads text not null check (reads in ('threads', 'posts', 'pins')),
    added_at text not null
) strict;

create index channels_by_guild on channels (guild_id);

-- A chain of the log for each guild, so that writers of different guilds don't wait for one line.
--
-- 0 is the chain of what is no guild's. The lines are written anew by `migrations`. Triggers and
-- indexes may be missing where somebody has changed the log, which is told by its digests.

drop trigger if exists log_is_never_changed;

drop trigger if exists log_is_never_cut;

drop index if exists log_of_guild;

drop index if exists log_by_event;

drop index if exists log_by_actor;

drop index if exists log_by_time;

alter table log rename to log_in_one_chain;

create table log (
    id integer primary key autoincrement,
    at text not null,
    guild_id integer,
    number integer not null,
    actor integer,
    event text not null,
    subject text not null,
    detail text not null,
    digest text not null
) strict;

create table log_heads (
    guild_id integer primary key,
    number integer not null,
    digest text not null
) strict;

create trigger log_is_never_changed before update on log
begin select raise(abort, 'the log is append-only'); end;

create trigger log_is_never_cut before delete on log
begin select raise(abort, 'the log is append-only'); end;

create index log_of_guild on log(guild_id);

create index log_by_event on log(guild_id, event);

create index log_by_actor on log(guild_id, actor);

create index log_by_time on log(guild_id, at);

create unique index log_by_number on log(guild_id, number);

create unique index log_by_number_of_no_guild on log(number) where guild_id is null;

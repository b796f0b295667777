-- What else administrators choose; and the log can be paged through without reading all of it.
--
-- Each index on the log ends with its id, in the order of which it is shown.

alter table guilds add column private_answers integer;

alter table guilds add column listen_channels text not null default '[]';

alter table guilds add column language text not null default 'en';

create index log_of_guild on log(guild_id);

create index log_by_event on log(guild_id, event);

create index log_by_actor on log(guild_id, actor);

create index log_by_time on log(guild_id, at);

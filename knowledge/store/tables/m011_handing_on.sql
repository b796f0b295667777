-- Whether questions may be handed on to moderators, and which were, by whom.

alter table guilds add column hand_on integer not null default 0;

create table handed_on (
    question_id integer primary key references questions(id) on delete cascade,
    guild_id integer not null,
    member_id integer not null,
    at text not null,
    posted integer not null default 0
) strict;

create index handed_on_by_member on handed_on (member_id, at);

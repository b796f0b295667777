-- What became of questions that were put to the moderators; helpers; groups of gaps merged by hand.

alter table guilds add column helper_role_id integer;

alter table guilds add column handover_channel_id integer;

alter table guilds add column handover_hours integer not null default 24;

alter table handed_on add column standing text not null default 'open';

alter table handed_on add column helper_id integer not null default 0;

alter table handed_on add column helper text not null default '';

alter table handed_on add column answer text not null default '';

alter table handed_on add column changed_at text not null default '';

update handed_on set changed_at = at;

alter table handed_on add column stale integer not null default 0;

alter table handed_on add column tried integer not null default 0;

alter table handed_on add column channel_id integer;

alter table handed_on add column message_id integer;

alter table handed_on add column changes integer not null default 0;

alter table handed_on add column shown integer not null default 0;

create index handed_on_due on handed_on (question_id) where shown < changes;

alter table notices add column handed_on_id integer
    references handed_on(question_id) on delete set null;

create table merged_gaps (
    question_id integer primary key references questions(id) on delete cascade,
    guild_id integer not null,
    with_id integer not null
) strict;

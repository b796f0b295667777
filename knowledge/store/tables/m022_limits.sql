-- How much members may ask and propose, by role and tenure; and when each asked in the last day.
--
-- What members proposed is counted from its revisions.

alter table guilds add column limits text not null default '';

create table recent_questions (
    guild_id integer not null,
    member_id integer not null,
    asked_at text not null
) strict;

create index recent_questions_by_member on recent_questions (member_id, guild_id, asked_at);

create index recent_questions_by_time on recent_questions (asked_at);

create index revisions_by_writer on revisions (writer_id, created_at);

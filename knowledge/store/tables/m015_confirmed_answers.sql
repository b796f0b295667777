-- Which document a verdict is of, and whose first hit somebody said to be the answer.

alter table feedback add column document_id text not null default ''

alter table questions add column confirmed_at text

alter table questions add column confirmed_by_moderator integer not null default 0

create index questions_confirmed on questions (guild_id, confirmed_at)
    where confirmed_at is not null

-- What a language model made of answers; whether a guild wants it, and of the host that it agreed to.
--
-- Of what a model wrote, words are kept as long as every hit that it was written from.

alter table guilds add column phrasing text not null default 'off';

alter table guilds add column phrasing_host text not null default '';

create table phrasings (
    question_id integer primary key references questions(id) on delete cascade,
    asked_at text not null,
    mode text not null,
    outcome text not null,
    model text not null default '',
    prompt_version integer not null default 0,
    chosen text not null default '[]',
    places text not null default '[]',
    lines text not null default '[]',
    verdicts text not null default '{}',
    prompt_tokens integer not null default 0,
    reply_tokens integer not null default 0,
    milliseconds integer not null default 0,
    repeated integer not null default 0
) strict;

create index phrasings_by_time on phrasings (asked_at);

create trigger phrasings_lose_their_words_with_a_hit after delete on hits
begin update phrasings set lines = '[]' where question_id = old.question_id; end;

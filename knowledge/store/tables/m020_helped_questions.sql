-- Questions that were asked of nobody, by the ids of their messages: no word of them is kept.

create table helped_questions (
    message_id integer primary key,
    guild_id integer not null,
    channel_id integer not null,
    asker_id integer not null,
    is_post integer not null,
    asked_at text not null,
    due_at text not null,
    state text not null,
    question_id integer references questions(id) on delete set null,
    reply_id integer
) strict;

create index helped_questions_due on helped_questions (state, due_at);

create index helped_questions_asked on helped_questions (guild_id, asked_at);

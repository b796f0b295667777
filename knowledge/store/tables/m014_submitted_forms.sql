-- What was typed into a form, for as long as the bot is at it.

create table submitted_forms (
    id integer primary key,
    guild_id integer,
    member_id integer not null,
    token text not null,
    locale text not null,
    custom_id text not null,
    fields text not null,
    sent_at text not null,
    taken integer not null
) strict;

-- Notes proposed from replies: the switches, and the message with the answered question.
alter table guilds add column from_replies integer not null default 0;
alter table channel_settings add column from_replies integer;
alter table notes add column asked_message_id integer;

create index notes_by_asked on notes (asked_message_id) where asked_message_id is not null;

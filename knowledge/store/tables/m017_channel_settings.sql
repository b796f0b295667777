-- What was chosen for channels, threads and categories; null is what holds above them.
--
-- A question keeps what it was answered from and with how many quotations, so that it can be asked
-- again as it was; blank and null are everything, and as many as the operator chose.

create table channel_settings (
    channel_id integer primary key,
    guild_id integer not null,
    mode text,
    wait_seconds integer,
    private integer,
    language text,
    quotations integer,
    answered_from text
) strict;

create index channel_settings_by_guild on channel_settings (guild_id);

alter table questions add column answered_from text not null default '';

alter table questions add column quotations integer;

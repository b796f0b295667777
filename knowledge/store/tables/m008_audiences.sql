-- For the readers of which channels a question was answered, and from which of them a hit is.
--
-- Of what a channel's messages say, a hit keeps no word: one that is deleted in Discord is then
-- deleted here with the index, wherever it was found.

alter table questions add column channels text not null default '[]';

alter table hits add column source_channel_id integer check
    (source_channel_id is null or (title = '' and heading = '' and passage = ''));

alter table hits add column position integer;

-- Revisions that somebody else proposed for a note, who is credited with its contributor.

alter table revisions add column extension integer not null default 0;

-- Other ways to ask a note's question, as JSON.
alter table revisions add column wordings text not null default '[]';

-- Wordings copied from a member's question; they go when the member is forgotten.
create table copied_wordings (
    note_id integer not null references notes(id) on delete cascade,
    wording text not null,
    member_id integer not null,
    primary key (note_id, wording)
) strict;

create index copied_wordings_by_member on copied_wordings (member_id);

-- Pairs of words that mean the same in a guild, as JSON.
alter table guilds add column synonyms text not null default '[]';

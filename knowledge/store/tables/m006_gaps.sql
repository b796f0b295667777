-- How a question was asked, what became of it as a gap, and who does not want to be told.

alter table questions add column private integer not null default 0;

alter table questions add column settled text not null default '';

alter table questions add column told_for integer
    references questions(id) on delete set null;

create index questions_by_asker on questions (asker_id);

create index questions_told_for on questions (told_for) where told_for is not null;

create index notices_by_member on notices (member_id, event);

create table gap_notes (
    note_id integer primary key references notes(id) on delete cascade,
    question_id integer not null references questions(id) on delete cascade
) strict;

create table gap_checks (
    note_id integer primary key references notes(id) on delete cascade,
    revision_id integer not null,
    verified_at text
) strict;

insert into gap_checks (note_id, revision_id, verified_at)
    select id, live_revision_id, verified_at from notes where live_revision_id is not null;

create table quiet_members (
    member_id integer primary key
) strict;

-- One revision of a note waits for a decision at a time. Of several, which no release has written,
-- the last one waits on, as if it had replaced the others; that the log doesn't say so is reported.

delete from revision_pictures where revision_id in (
    select one.id from revisions one join revisions later on later.note_id = one.note_id
    where one.state = 'pending' and later.state = 'pending' and later.id > one.id
);

update revisions set state = 'withdrawn', card_due = 1, replaced_by = (
    select max(later.id) from revisions later
    where later.note_id = revisions.note_id and later.state = 'pending'
) where state = 'pending' and exists (
    select 1 from revisions later
    where later.note_id = revisions.note_id and later.state = 'pending' and later.id > revisions.id
);

create unique index one_pending on revisions (note_id) where state = 'pending';

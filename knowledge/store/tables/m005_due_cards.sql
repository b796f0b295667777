-- The review date that a note's card shows as passed.

alter table notes add column due_shown text;

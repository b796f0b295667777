-- The number by which Discord knows the posting of a revision's card. It stays while the card
-- changes, so that a posting of which Discord did not say that it was taken is not there twice.

alter table revisions add column card_posting integer;

-- Pictures of notes, by revision; each picture is kept once, and goes with its last revision.

create table pictures (
    digest text primary key,
    kind text not null check (kind in ('png', 'jpg', 'gif', 'webp')),
    content blob not null
) strict;

create table revision_pictures (
    revision_id integer not null references revisions(id) on delete cascade,
    position integer not null,
    digest text not null references pictures(digest),
    primary key (revision_id, position)
) strict;

create index revision_pictures_by_digest on revision_pictures (digest);

create trigger pictures_go_with_their_last_revision after delete on revision_pictures
when not exists (select 1 from revision_pictures where digest = old.digest)
begin delete from pictures where digest = old.digest; end;

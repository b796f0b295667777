-- After how many hours without an answer a digest names a forum post.

alter table digests add column post_hours integer not null default 24
    check (post_hours between 1 and 336);

-- A passage that was found is kept once, not with each question; old questions lose words.
--
-- A hit is a rank, a score and the digest of its passage. The last hit on a passage takes it
-- along, so that nothing outlives the questions that it was found for.

alter table questions add column pruned_at text;

create index questions_unpruned on questions (asked_at) where pruned_at is null;

create table recorded_passages (
    digest text primary key,
    document_id text not null,
    title text not null,
    heading text not null,
    passage text not null,
    link text not null,
    source_channel_id integer check
        (source_channel_id is null or (title = '' and heading = '' and passage = '')),
    position integer
) strict;

create index recorded_passages_by_document on recorded_passages (document_id);

alter table hits rename to hits_with_passages;

create table hits (
    question_id integer not null references questions(id) on delete cascade,
    rank integer not null,
    score real not null,
    legs text not null,
    passage_digest text not null references recorded_passages(digest) on delete cascade,
    primary key (question_id, rank)
) strict;

insert or ignore into recorded_passages
    select m013_digest(document_id, title, heading, passage, link, source_channel_id,
        position), document_id, title, heading, passage, link, source_channel_id, position
    from hits_with_passages;

insert into hits select question_id, rank, score, legs, m013_digest(document_id, title,
    heading, passage, link, source_channel_id, position) from hits_with_passages;

drop table hits_with_passages;

create index hits_by_passage on hits (passage_digest);

create trigger passages_go_with_their_last_hit after delete on hits
when not exists (select 1 from hits where passage_digest = old.passage_digest)
begin delete from recorded_passages where digest = old.passage_digest; end;

-- The ids of imported files that were moved: nothing else knows what they were called.

create table file_ids (
    path text primary key,
    document_id text not null
) strict;

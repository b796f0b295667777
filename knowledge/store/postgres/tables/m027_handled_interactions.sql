-- Which clicks and forms have been acted on, and on what, so that none is acted on twice.

create table handled (
    id bigint primary key,
    acted_on bigint not null,
    at text collate "C" not null
);

create index handled_by_time on handled (at);

-- Which clicks and forms have been acted on, and on what, so that none is acted on twice.

create table handled (
    id integer primary key,
    acted_on integer not null,
    at text not null
) strict;

create index handled_by_time on handled (at);

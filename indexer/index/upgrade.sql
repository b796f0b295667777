-- From format 1, whose generations counted the changes of all scopes together, to format 2. A scope
-- begins with the generation that all had, so that what it had stays older than what comes.
create table if not exists generations (scope integer primary key, generation integer not null) strict;
insert or ignore into generations
    select scope, (select cast(value as integer) from manifest where key = 'generation')
    from (select scope from passages union select scope from removed);
drop index if exists passages_by_scope;
drop index if exists passages_by_generation;
drop index if exists removed_by_generation;
create index passages_by_scope on passages (scope, generation);
create index removed_by_scope on removed (scope, generation);
update manifest set value = '2' where key = 'format'

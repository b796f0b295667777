-- Tables of an index in PostgreSQL that those of earlier releases lack: they are made where
-- `token_codes` is missing.

-- As in `later_tables.sql`.
create table token_codes (digest bytea primary key, codes bytea not null);
create index passages_by_digest on passages (digest);

-- Numbers that chance made can't be compressed.
alter table token_codes alter column codes set storage external;

-- What was deleted is vacuumed soon, as texts are.
alter table token_codes set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0)

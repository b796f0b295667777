create table if not exists processes (
    id text primary key,
    name text not null,
    joined_at timestamptz not null,
    until timestamptz not null
);
create table if not exists shards (
    shard int primary key,
    holder text references processes on delete set null,
    epoch bigint not null default 0,
    ready_at timestamptz
);
create index if not exists shards_by_holder on shards (holder);
create table if not exists identifies (
    bucket int primary key,
    free_at timestamptz not null
);

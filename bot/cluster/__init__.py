"""Several processes on one PostgreSQL database: shards, membership, machines, shared choices."""

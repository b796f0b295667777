"""Several processes of one bot: leases of shards, failover, and leader election."""

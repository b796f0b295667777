"""Feature: several processes of one bot: leases of shards, and one process that leads."""

"""Discord side of several processes: shards that come and go, and who leads."""

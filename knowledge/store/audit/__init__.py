"""The audit log and its chains of digests."""

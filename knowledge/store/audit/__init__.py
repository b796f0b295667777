"""The audit log and its hash chains."""

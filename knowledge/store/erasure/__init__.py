"""Personal data, purge and tombstones: what is deleted for good."""

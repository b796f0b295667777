"""Sources: their kinds, the sync, the store of their entries, and polite, SSRF-safe fetching."""

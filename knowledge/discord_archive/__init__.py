"""Archive of synced Discord channels (`channels.db`): threads, messages, sync state."""

"""The bot's process: connection, background tasks, health endpoint, metrics, logs."""

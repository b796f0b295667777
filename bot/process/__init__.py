"""The process: connection, health, metrics, log, background work."""

"""Connectors: wikis, forums and trackers read by their API, one module a kind of service."""

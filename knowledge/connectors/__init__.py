"""Connectors to the APIs of wikis, forums and trackers, one module per kind of service."""

"""The community database."""

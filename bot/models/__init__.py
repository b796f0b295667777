"""Embedding models: downloads, comparison with the serving model, switch and rollback."""

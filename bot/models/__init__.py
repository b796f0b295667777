"""Embedding models: presets, downloads, comparison with the serving model, switch and rollback."""

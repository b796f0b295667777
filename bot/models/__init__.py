"""Embedding models: presets, downloads, comparison with the serving one, switch and rollback."""

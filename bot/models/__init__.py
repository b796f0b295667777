"""Embedding models: presets, download, comparison with the serving one, switch and way back."""

"""Contradiction detection: rules that compare the sentences of two texts."""

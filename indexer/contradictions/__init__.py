"""Contradiction detection between two texts, by rules over their sentences."""

"""Text: passages, words, signals."""

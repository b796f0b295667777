"""Text analysis: cutting into passages, tokenizing and stemming, signals of an answer."""

"""Text analysis: cutting into passages, sentences, tokenizing and stemming, shorthand."""

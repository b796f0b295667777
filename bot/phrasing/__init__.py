"""Feature: phrasing, sentences that a language model chose or wrote from an answer's passages."""

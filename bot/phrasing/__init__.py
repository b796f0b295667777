"""Feature: phrasing of answers by a language model, from the quoted passages."""

"""Feature: a language model phrases answers from the quoted passages."""

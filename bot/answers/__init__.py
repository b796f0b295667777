"""Answers to questions: lookup, decision, record and replay. This package doesn't use Discord."""

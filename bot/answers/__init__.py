"""Answering a question: lookup, decision, conversation, replay, impact. Knows no Discord."""

"""Answering: lookup, decision, conversation, small talk, replay, impact. Knows no Discord."""

"""Answering a question: conversation, decision, reply cache, replay. Knows no Discord."""

"""Answering: pipeline, lookup, decision, small talk, replay, impact. Knows no Discord."""

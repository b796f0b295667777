"""Answering: pipeline, lookup, decision, small talk, replay, caches. Independent of Discord."""

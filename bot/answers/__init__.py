"""Answering: pipeline, lookup, outcome, small talk, replay, caches. Independent of Discord."""

"""Outbox delivery: review cards, notices to contributors, answers to earlier askers."""

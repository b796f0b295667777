"""Feature: review cards, decisions of moderators, the queue, review rules, the audit log."""

"""Feature: review cards and decisions, the queue, notices to contributors, rules, the audit log."""

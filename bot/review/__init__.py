"""A moderator's work: cards, queue, decisions, rules, log."""

"""Feature: `/gaps` and hand-overs: unanswered questions, who answers them, who is told."""

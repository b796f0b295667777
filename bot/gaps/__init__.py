"""Feature: `/gaps` for unanswered questions, hand-overs to helpers, and notices to askers."""

"""Feature: `/gaps` and hand-overs: unanswered questions, people's answers, notices to askers."""

"""Feature: `/digest`, the week's questions for moderators, and new notes for everybody."""

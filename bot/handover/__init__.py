"""Feature: *Ask the moderators*, hand-overs to helpers, whose answers go back to the askers."""

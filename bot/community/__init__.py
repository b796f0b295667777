"""Feature: `/stats` and `/leaderboard`."""

"""Feature: `/stats` with the leaderboard, and the weekly digest."""

"""Feature: figures of a server with `/stats`, `/leaderboard` and the weekly digest."""

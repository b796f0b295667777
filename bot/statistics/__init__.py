"""Feature: figures of a server: `/stats`, `/leaderboard`, and the weekly digest (`/digest`)."""

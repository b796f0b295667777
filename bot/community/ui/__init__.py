"""Discord side of `/stats` and `/leaderboard`: the cog."""

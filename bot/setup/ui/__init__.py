"""Discord side of `/setup` and `/about`: the cog."""

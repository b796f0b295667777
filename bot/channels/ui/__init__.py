"""Discord side of channel settings: the cog."""

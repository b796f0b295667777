"""Discord side of digests: the cog, who posts them, and their buttons."""

"""Discord side of sources: the cog, and the sync of channels."""

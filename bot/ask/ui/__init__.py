"""Discord side of asking: the cog, feedback buttons, follow-up messages."""

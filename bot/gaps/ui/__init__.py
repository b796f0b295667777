"""Discord side of gaps: the cog, and the buttons below a refusal."""

"""Discord side of limits: the cog, and what looks at a member before they ask or write."""

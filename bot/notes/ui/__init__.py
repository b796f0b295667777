"""Discord side of notes: the cog, forms, lists, reports."""

"""Discord side of the figures: the cogs, the layout of the weekly digest and its delivery."""

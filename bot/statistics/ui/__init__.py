"""Discord side of statistics: the cogs, the layout of the weekly digest and its delivery."""

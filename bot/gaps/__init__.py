"""Questions without a good answer."""

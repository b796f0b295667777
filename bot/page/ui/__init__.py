"""Discord side of the public page."""

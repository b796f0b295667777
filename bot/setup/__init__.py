"""`/setup` and `/about`."""

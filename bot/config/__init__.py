"""Settings: their sections, defaults and sources, and the version."""

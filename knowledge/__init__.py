"""The documents that may be quoted, and people's contributions to them."""

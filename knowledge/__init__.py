"""The documents that may be quoted, and what people contributed to them."""

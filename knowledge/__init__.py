"""What may be quoted: the bundled articles, imported files, and what people contributed."""

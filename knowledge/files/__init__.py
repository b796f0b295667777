"""Files → Markdown."""

"""One module a format: its bytes or text → title, Markdown and metadata."""

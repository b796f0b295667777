"""Parsers, one module per format: bytes to title, Markdown and metadata."""

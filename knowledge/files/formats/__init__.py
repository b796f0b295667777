"""Parsers, one module a format: bytes to title, Markdown and metadata."""

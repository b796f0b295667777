"""Text for Discord: Markdown escaping and limits, translation, excerpts, page numbers."""

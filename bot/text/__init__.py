"""Text for Discord: Markdown escaping and limits, translation, tables, page numbers."""

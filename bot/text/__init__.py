"""Text for Discord: Markdown escaping and limits, gettext lookup, excerpts, page numbers."""

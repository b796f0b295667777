"""Text for Discord: Markdown escaping and limits, gettext lookup, custom ids, page numbers."""

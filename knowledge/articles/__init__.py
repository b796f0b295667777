"""The bundled articles on open-source AI: Markdown with front matter."""

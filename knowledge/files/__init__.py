"""Files to Markdown: format detection, the sandboxed reader, and the scan for changes."""

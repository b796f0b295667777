"""The public page: a static site of the notes that a server publishes."""

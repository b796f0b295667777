"""The public page: a static site of a server's published notes."""

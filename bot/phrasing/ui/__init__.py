"""Discovery of phrasing by the client."""

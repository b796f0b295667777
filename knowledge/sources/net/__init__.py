"""Network for sources: addresses, SSRF guard, robots.txt and pauses, JSON APIs."""

"""Web sources: polite crawl, page store, SSRF-safe network, sitemaps."""

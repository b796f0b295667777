"""Search index: its database, FAISS vectors, BM25 postings, and caches of all three."""

"""The index: its SQLite file, FAISS vectors, BM25 postings, and caches of them."""

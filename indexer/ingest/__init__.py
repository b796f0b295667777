"""Incremental indexing: what changed in corpus, files and channels is cut, embedded and stored."""

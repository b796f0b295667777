"""Incremental indexing: changes of corpus, files and channels are cut, embedded and stored."""

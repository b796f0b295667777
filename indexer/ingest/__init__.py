"""Incremental indexing: new and changed documents are cut, embedded and stored in the index."""

"""Retrieval: documents become passages, vectors and an index; a query becomes hits."""

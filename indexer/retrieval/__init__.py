"""Retrieval: fusion of BM25 and cosine, reranking, evidence, the highlighted sentence."""

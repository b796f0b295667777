"""Retrieval: fusion of BM25 and cosine, reranking, evidence, best lines."""

"""Embedding models: text to unit vectors, the ONNX export, and its runtime."""

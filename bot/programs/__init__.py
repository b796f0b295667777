"""Interfaces for other programs to read public documents, by MCP or HTTP."""

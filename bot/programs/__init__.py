"""Servers that let other programs read public documents, by MCP or HTTP."""

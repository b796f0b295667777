"""Interface for other programs: MCP and HTTP, read-only, over what everybody in a server may read."""

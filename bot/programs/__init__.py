"""Interface for other programs: MCP, read-only, over what everybody in a server may read."""

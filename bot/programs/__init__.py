"""Interface for other programs: MCP and HTTP, read-only, over what everybody may read."""

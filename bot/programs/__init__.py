"""Interface for other programs: MCP and HTTP, read-only, over public documents."""

"""Discord side of the settings: the panel of `/setup`, the cogs, and the greeting."""

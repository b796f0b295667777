"""Discord side of privacy: the cog, and the listener for guilds that the bot leaves."""

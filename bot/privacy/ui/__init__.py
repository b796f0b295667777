"""Discord side of privacy: the cog, and the listener for guilds that remove the bot."""

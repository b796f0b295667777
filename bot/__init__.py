"""The bot in Discord, its command line and its browser preview."""

"""What a community asks and answers in Discord: the bot, its command line and its preview."""

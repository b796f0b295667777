"""Parts for any Discord bot: components, forms, retries, errors; none of this bot's rules."""

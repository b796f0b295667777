"""Parts that suit any Discord bot: components, forms, retries and error handling."""

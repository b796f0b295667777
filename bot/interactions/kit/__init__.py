"""Parts that any Discord bot needs: components, forms, retries, errors. Knows no policy."""

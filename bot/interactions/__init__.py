"""What all features use of Discord: permissions, guild settings, forms, paging, retries, errors."""

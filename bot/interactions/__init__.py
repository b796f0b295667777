"""What all features use of Discord: services, permissions, settings, forms, paging, retries."""

"""Discord interactions for all features: services, permissions, settings, forms and retries."""

"""Discord side of the outbox: posting and editing cards, sending notices."""

"""Discord side of review: cards, their buttons and forms, the queue, the log."""

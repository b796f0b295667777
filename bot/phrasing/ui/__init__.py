"""Discord side of hand-overs: their buttons and form, and the messages that are posted."""

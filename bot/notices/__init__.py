"""What the bot says unasked: review cards, notices, answers to those who asked."""

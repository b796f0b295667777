"""What helps a moderator to judge a text."""

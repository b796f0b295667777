"""What of it knows Discord."""

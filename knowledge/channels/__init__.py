"""What was read of Discord channels."""

"""Where two texts disagree."""

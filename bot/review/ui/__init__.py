"""Discord side of review: cards, and the panel with its pages."""

"""Notes as they are stored: revisions, decisions, review cards, credit, pictures."""

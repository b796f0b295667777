"""Tables of notes: revisions, decisions, review cards, credit, pictures."""

"""Tables of notes: revisions, decisions, review cards, pictures."""

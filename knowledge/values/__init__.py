"""Value objects: documents, notes, questions, guilds, and the rules of submissions and reviews."""

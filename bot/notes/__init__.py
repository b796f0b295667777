"""A contributor's notes: writing, revising, listing, reporting."""

"""The community database (`community.db`): schema, notes, decisions, audit log, personal data."""

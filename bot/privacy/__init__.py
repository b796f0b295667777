"""Feature: `/privacy`, personal data shown, exported and deleted; removal of a guild's data."""

"""Feature: completing titles, tags and documents while a member types."""

"""Feature: `/note` and *Save as note*, what contributors do with their notes."""

"""Choosing a note, a tag or a document while typing."""

"""Markdown for Discord, languages, custom ids."""

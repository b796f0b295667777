"""Backup and restore of the community database; export to and import from a folder."""

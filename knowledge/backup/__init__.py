"""Backup, restore, export, import."""

"""Feature: `/privacy` for members' data, and deletion of old questions and former guilds' data."""

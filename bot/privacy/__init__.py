"""Feature: a member's data with `/privacy`, retention of questions, data of guilds left."""

"""Feature: `/privacy`: a member's data; retention of questions and of guilds that were left."""

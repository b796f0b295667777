"""Feature: `/privacy` for members' data; retention of questions and of data of former guilds."""

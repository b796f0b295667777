"""Conversations in chats."""

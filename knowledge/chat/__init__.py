"""Chats to documents: conversations found in messages, and parsers of chat exports."""

"""Chats: division of messages into conversations, and parsers of chat exports."""

"""Asking: `/ask`, mentions, replies, and the buttons below an answer."""

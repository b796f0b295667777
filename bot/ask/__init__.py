"""Feature: `/ask`, mentions, replies, follow-ups in threads, and the buttons below an answer."""

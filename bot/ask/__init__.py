"""Feature: `/ask`, mentions, follow-ups, answers unasked, and the buttons below an answer."""

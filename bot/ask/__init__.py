"""Feature: `/ask`, mentions, follow-ups, unasked answers, and the buttons below an answer."""

"""Aids for moderators: text diff, risk flags, prompt-injection phrases."""

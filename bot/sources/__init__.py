"""Feature: `/source`, and syncing the Discord channels that a guild is answered from."""

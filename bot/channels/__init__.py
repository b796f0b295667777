"""Feature: `/channel`, what holds in a channel, thread or category."""

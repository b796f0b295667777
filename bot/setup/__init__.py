"""Feature: `/setup` and `/about`."""

"""Feature: `/source`, the sync of Discord channels, and visits to web sources."""

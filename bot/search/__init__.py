"""Feature: `/search`, pages of passages for one member."""

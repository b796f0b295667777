"""Feature: `/note` and *Save as note*, the commands of contributors."""

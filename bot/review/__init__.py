"""Feature: review cards and decisions, the panel of `/review`, notices to contributors."""

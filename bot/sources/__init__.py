"""Feature: `/source`; sync of Discord channels and visits to the web."""

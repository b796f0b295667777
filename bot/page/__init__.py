"""Feature: the public pages that a running bot publishes."""

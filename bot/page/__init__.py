"""Feature: `/page review`, and the public pages that a running bot publishes."""

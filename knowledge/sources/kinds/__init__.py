"""Kinds of sources: pages, sites, repositories, and the APIs of wikis, forums and trackers."""

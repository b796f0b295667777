"""Feature: the helper, which answers forum posts and questions that are asked of nobody."""

"""Feature: settings of a server and its channels with `/setup`."""

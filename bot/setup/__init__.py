"""Feature: settings of a server with `/setup`, `/channel` and `/limits`; also `/about`."""

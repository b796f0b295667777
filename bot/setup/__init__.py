"""Feature: settings of a server: `/setup`, `/channel`, `/limits`; and `/about`."""

"""The command line: a module for each command or group, and for its output."""

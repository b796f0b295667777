"""The command line: each command's work, its output, backups, sources, `doctor`, plots."""

"""Git sources: repositories followed by commit, whose files are documents cited at their lines."""

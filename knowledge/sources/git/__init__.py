"""Git sources: files of repositories as documents, synced by commit and cited by line."""

"""Languages: a table of vocabulary each, and their detection."""

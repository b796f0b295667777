"""A query → hits with evidence."""

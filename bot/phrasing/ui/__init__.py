"""Discord side of phrasing: a feature without commands."""

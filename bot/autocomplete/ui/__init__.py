"""Discord side of autocomplete: a cache of choices, asked at every key press."""

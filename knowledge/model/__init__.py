"""Values and the rules between them."""

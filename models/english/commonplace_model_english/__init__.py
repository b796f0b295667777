"""The model all-MiniLM-L6-v2 in eight bits, for Commonplace. `model.toml` describes it."""

"""The model multilingual-e5-small in four and eight bits. `model.toml` describes it."""

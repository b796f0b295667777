"""One cog a capability: gather plain values, call the worker, send what `wording` made of it."""

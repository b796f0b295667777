"""Browser preview: the real bot without a token, on simcord's in-memory Discord."""

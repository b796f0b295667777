"""Browser preview: the real bot in a page with no token, on simcord's Discord in memory."""

"""The synchronous core, the thread it runs in, the data folder."""

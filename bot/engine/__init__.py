"""The core on a data folder, the worker's thread it runs in, and index updates."""

"""The data folder: its files, their permissions and locks, and the places of indexes."""

"""Discord side of the helper: its listener, its round, and the buttons below its answers."""

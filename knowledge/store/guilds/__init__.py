"""Tables of what a guild chose: its settings, followed channels, and who opted out of quotation."""

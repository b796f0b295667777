"""Tables of what a guild chose: settings, channels, who opted out of quotation."""

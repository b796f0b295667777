"""Tables of administrators' choices: guild settings, channels, weekly digests."""

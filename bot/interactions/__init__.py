"""What every feature needs of discord.py."""

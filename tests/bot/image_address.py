"""Address of the tests' Discord, for a bot in an image: Python imports it as `sitecustomize`.

The image's own program starts afterwards (`deploy/try_image.sh`, which mounts it).
"""

import os

import discord.gateway
import discord.http
import yarl

discord.http.Route.BASE = f"{os.environ['DISCORD_ADDRESS']}/api"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(
    f"{os.environ['DISCORD_ADDRESS']}/gateway/".replace("http", "ws")
)

"""Login at Discord: intents and permissions, and the explanation of each failure.

Errors:
    Exception
    └── LoginError              Discord refuses the token; the message says what to do
        └── UnreachableError    Discord can't be reached; starting again later may help
"""

import asyncio
from typing import Final, NamedTuple

import aiohttp
import discord

from bot.config.settings import Settings
from bot.text import permission_names

_REFUSED: Final = (
    "Discord refuses the token in DISCORD_TOKEN or its file. Copy a new one from the Bot page of "
    "your application in Discord's developer portal (Reset Token shows it once)."
)

_NO_CONTENT: Final = (
    "This bot may not read messages, which `sources.channels` and `helper.message_content` need. "
    "Turn on Message Content Intent on the Bot page of your application in Discord's developer "
    "portal, or set both to `false`."
)

# Exceptions of discord.py if Discord refuses the login, can't be reached, or ends the connection
# for good.
CONNECTION_FAILURES: Final = (
    discord.LoginFailure,
    discord.PrivilegedIntentsRequired,
    discord.ConnectionClosed,
    OSError,
    aiohttp.ClientError,
    discord.HTTPException,
    discord.GatewayNotFound,
)

# The bot never speaks, so warnings about missing voice libraries would only mislead operators.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


class LoginError(Exception):
    """Discord refuses the token."""


class UnreachableError(LoginError):
    """Discord can't be reached; starting again later may help."""


def intents(settings: Settings) -> discord.Intents:
    """The gateway intents; the bot is always sent the content of mentions and direct messages."""
    wanted = discord.Intents(
        guilds=True, guild_messages=True, dm_messages=True, guild_scheduled_events=True
    )
    wanted.message_content = settings.sources.channels or settings.helper.message_content
    wanted.guild_reactions = settings.sources.channels
    return wanted


def invite_permissions() -> discord.Permissions:
    """The permissions the bot needs in a server."""
    return discord.Permissions(**dict.fromkeys(permission_names.PERMISSION_NAMES, True))


def connection_error(error: BaseException) -> LoginError:
    """Explain a failed connection to the operator."""
    match error:
        case discord.LoginFailure() | discord.ConnectionClosed(code=4004):
            return LoginError(_REFUSED)
        case discord.PrivilegedIntentsRequired():
            return LoginError(_NO_CONTENT)
        case discord.ConnectionClosed(code=4011):
            return UnreachableError(
                "Discord closed the connection (code 4011): the bot is in too many servers for its "
                "number of shards. Start it again: it asks Discord for the number at each start."
            )
        case discord.ConnectionClosed(code=4010 | 4012 | 4013 as code):
            return LoginError(
                f"Discord closed the connection for good (code {code}): it no longer supports this "
                "version of Commonplace. Install a newer one."
            )
    return UnreachableError(
        f"Discord can't be reached ({error}). Check the network, then start again."
    )


class Application(NamedTuple):
    """The bot's application at Discord, and the bot's missing permissions by server name."""

    public: bool
    lacking: dict[str, list[str]]


def application(token: str) -> Application:
    """Ask Discord about the token's bot; LoginError or UnreachableError if it doesn't tell."""

    async def fetch() -> Application:
        async with discord.Client(intents=discord.Intents(guilds=True)) as client:
            await client.login(token)
            found: dict[str, list[str]] = {}
            async for guild in client.fetch_guilds(limit=None):
                member = await guild.fetch_member(client.user.id) if client.user else None
                have = member.guild_permissions if member else discord.Permissions.none()
                found[guild.name] = [
                    label.english
                    for name, label in permission_names.PERMISSION_NAMES.items()
                    if not getattr(have, name)
                ]
            return Application(client.application is None or client.application.bot_public, found)

    try:
        return asyncio.run(fetch())
    except CONNECTION_FAILURES as error:
        raise connection_error(error) from error

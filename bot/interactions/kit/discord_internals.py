"""Private parts of discord.py that the bot uses, in one place and checked at import.

discord.py has no public way to resend a lost interaction response, to fill in a form that another
process opened, to remove a deleted role from a cached member, to close a sharded client that was
never set up, to resume a session at the second attempt, or to give up a shard to another process.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import discord
from discord import shard
from discord.client import _LoopSentinel
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.webhook import async_

from bot.interactions.services import Interaction, Services
from knowledge.dependencies import require

USED: Final = (
    "discord.webhook.async_:async_context.set",
    "discord.webhook.async_:AsyncWebhookAdapter.request",
    "discord.ui:Modal._dispatch_submit",
    "discord:Member._roles",
    "discord.utils:SnowflakeList.has",
    "discord.client:_LoopSentinel",
    "discord.client:Client._connection",
    "discord.gateway:ReconnectWebSocket.__init__",
    "discord.gateway:DiscordWebSocket.DEFAULT_GATEWAY",
    "discord.gateway:DiscordWebSocket.session_id",
    "discord.http:HTTPClient.get_bot_gateway",
    "discord.shard:AutoShardedClient._AutoShardedClient__shards",
    "discord.shard:AutoShardedClient.launch_shard",
    "discord.shard:AutoShardedClient.launch_shards",
    "discord.shard:EventItem.__slots__",
    "discord.shard:Shard._client",
    "discord.shard:Shard._handle_disconnect",
    "discord.shard:Shard._queue_put",
    "discord.shard:Shard.close",
    "discord.shard:Shard.disconnect",
    "discord.shard:Shard.launch",
    "discord.shard:Shard.reidentify",
    "discord.shard:Shard.ws",
    "discord.state:ConnectionState.parsers",
    "discord.state:ConnectionState.shard_count",
    "discord.state:AutoShardedConnectionState.shard_ids",
    "discord.state:AutoShardedConnectionState._delay_shard_ready",
    "discord.state:AutoShardedConnectionState._ready_states",
    "discord.state:AutoShardedConnectionState._ready_tasks",
    "discord.state:AutoShardedConnectionState._remove_guild",
)


require("discord.py", USED)

# Sends with an interaction's token: responses, edits, follow-ups.
WebhookAdapter = async_.AsyncWebhookAdapter
# The adapter of this task and of the tasks it starts.
webhook_adapter: Final = async_.async_context


async def submit(modal: discord.ui.Modal, interaction: Interaction) -> None:
    """Fill a form's fields from an interaction, and call its `on_submit`."""
    sent: Any = interaction.data
    await modal._dispatch_submit(interaction, sent["components"], sent.get("resolved", {}))


def forget_role(member: discord.Member, role_id: int) -> None:
    """Remove a deleted role from a cached member.

    discord.py keeps the role, and so the member keeps the role's channel permissions.
    """
    if member._roles.has(role_id):
        member._roles.remove(role_id)


async def fetch_original(webhook: discord.Webhook) -> discord.WebhookMessage:
    """Fetch an interaction's first response by its token."""
    return await webhook.fetch_message("@original")  # type: ignore[arg-type]


async def edit_original(webhook: discord.Webhook, **changes: Any) -> None:
    """Edit an interaction's first response by its token."""
    await webhook.edit_message("@original", **changes)  # type: ignore[call-overload]


def is_set_up(client: discord.Client) -> bool:
    """Whether a client was set up by `async with` or a login, and must be closed."""
    return not isinstance(client.loop, _LoopSentinel)


class _ResumingShard(shard.Shard):
    """Shard that resumes its session after any number of failed attempts.

    discord.py starts a new session after the first failed attempt, and so loses the events that
    Discord sent in between. The client of discord.py also reconnects its shards without a pause,
    one shard at a time, and only after all shards are launched. Here each shard reconnects by
    itself, with its own back-off (`Services.connecting`). `give_up_shard` closes a shard for good,
    even if the shard is reconnecting.
    """

    given_up = False
    _client: Services
    _connecting: asyncio.Task[None] | None = None

    def __init__(
        self,
        ws: DiscordWebSocket,
        client: discord.AutoShardedClient,
        queue_put: Callable[[shard.EventItem], None],
    ) -> None:
        super().__init__(ws, client, self._reconnect_or_tell_client)
        self._tell_client = queue_put

    def launch(self) -> None:
        if self.given_up:
            self._client.loop.create_task(self.ws.close(code=1000))
        else:
            super().launch()

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        await super().close()

    def _reconnect_or_tell_client(self, event: shard.EventItem) -> None:
        """Reconnect this shard if the event asks for that; pass any other event to the client."""
        if isinstance(event.error, ReconnectWebSocket):
            self._connect_again(resume=event.error.resume)
        else:
            self._tell_client(event)

    async def _handle_disconnect(self, e: Exception) -> None:
        if isinstance(e, discord.ConnectionClosed):
            await super()._handle_disconnect(e)
            return
        # The session's resume URL may be gone; the default gateway resumes sessions, too.
        self.ws.gateway = self.ws.DEFAULT_GATEWAY
        self._connect_again(resume=True)

    def _connect_again(self, *, resume: bool) -> None:
        if self.given_up or self._client.is_closed():
            return
        self._client.dispatch("shard_disconnect", self.id)
        has_session = self.ws.session_id is not None
        self._connecting = self._client.loop.create_task(self._connect(resume and has_session))

    async def _connect(self, resume: bool) -> None:
        async with self._client.connecting(self.id, identifies=not resume):
            await self.reidentify(ReconnectWebSocket(self.id, resume=resume))


def resume_shards() -> None:
    """Use `_ResumingShard` for all shards launched from now on."""
    shard.Shard = _ResumingShard  # type: ignore[misc]


# Shards that come and go while the client runs.


def set_shard_count(client: discord.AutoShardedClient, count: int) -> None:
    """Set the number of shards that all processes of the bot run together."""
    client.shard_count = count
    client._connection.shard_count = count
    client._connection.shard_ids = range(count)


def gate_events(client: discord.Client, is_open: Callable[[], bool]) -> None:
    """Drop a client's gateway events while `is_open` returns False."""
    parsers = client._connection.parsers

    def gated(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda data: parse(data) if is_open() else None

    parsers.update({name: gated(parse) for name, parse in parsers.items()})


async def give_up_shard(client: discord.AutoShardedClient, shard_id: int) -> None:
    """Close a shard for good, and forget its guilds, which another process serves now."""
    shards: dict[int, _ResumingShard] = getattr(client, "_AutoShardedClient__shards")  # noqa: B009
    if (own := shards.pop(shard_id, None)) is not None:
        own.given_up = True
        await own.disconnect()
    state = client._connection
    if (ready_task := state._ready_tasks.pop(shard_id, None)) is not None:
        ready_task.cancel()
    state._ready_states.pop(shard_id, None)
    for guild in [guild for guild in client.guilds if guild.shard_id == shard_id]:
        state._remove_guild(guild)

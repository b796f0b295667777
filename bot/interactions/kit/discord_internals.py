"""Undocumented parts of discord.py that are used, in one place and checked at import.

discord.py has no public way to send a lost interaction response again, to fill in a form that
another process opened, to take a deleted role from a member in its cache, to close a client of
shards that was never set up, to resume a shard's session at the second attempt, or to give up a
shard that another process is to run. A version that lacks one of these parts is refused here, by
its name.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pkgutil import resolve_name
from typing import Any, Final

import discord
from discord import shard
from discord.client import _LoopSentinel
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.webhook import async_

from bot.interactions.services import Interaction, Services

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


def missing(names: Iterable[str]) -> list[str]:
    """Those of these parts, as `module:attribute`, that the installed discord.py lacks."""
    return [name for name in names if not _is_there(name)]


def _is_there(name: str) -> bool:
    with contextlib.suppress(ImportError, AttributeError):
        resolve_name(name)
        return True
    owner, _, attribute = name.rpartition(".")
    with contextlib.suppress(ImportError, AttributeError, ValueError):
        # Only instances have it: `__init__` sets it.
        made = [kind.__dict__.get("__init__") for kind in resolve_name(owner).__mro__]
        codes = [one.__code__ for one in made if hasattr(one, "__code__")]
        return any(attribute in code.co_names for code in codes)
    return False


if _missing := missing(USED):
    raise ImportError(
        f"discord.py {discord.__version__} lacks {', '.join(_missing)}, which Commonplace needs: "
        "install the version that was tested with it."
    )

# Sends what an interaction's token is for: responses, edits, further messages.
WebhookAdapter = async_.AsyncWebhookAdapter


def use_webhook_adapter(adapter: async_.AsyncWebhookAdapter) -> None:
    """Let this task, and those that it starts, send by interactions' tokens through an adapter."""
    async_.async_context.set(adapter)


async def submit(modal: discord.ui.Modal, interaction: Interaction) -> None:
    """Fill a form's fields with what an interaction brings of them, and call its `on_submit`."""
    sent: Any = interaction.data
    await modal._dispatch_submit(interaction, sent["components"], sent.get("resolved", {}))


def take_role(member: discord.Member, role_id: int) -> None:
    """Take a role that was deleted from a member in the cache.

    discord.py leaves it there, and goes on granting what channels granted to it.
    """
    if member._roles.has(role_id):
        member._roles.remove(role_id)


async def fetch_original(webhook: discord.Webhook) -> discord.WebhookMessage:
    """An interaction's first response by its token, without the interaction."""
    return await webhook.fetch_message("@original")  # type: ignore[arg-type]


async def edit_original(webhook: discord.Webhook, **changes: Any) -> None:
    """Edit an interaction's first response by its token, without the interaction."""
    await webhook.edit_message("@original", **changes)  # type: ignore[call-overload]


def is_set_up(client: discord.Client) -> bool:
    """Whether a client was entered or logged in, so that there is something to close."""
    return not isinstance(client.loop, _LoopSentinel)


class _ResumingShard(shard.Shard):
    """A shard that goes on with its session however many attempts it takes to connect again.

    discord.py's begins a new one after the first attempt that failed, so that what was said in the
    meantime is lost; its client without shards resumes. Its client also connects again without a
    pause where Discord closes a connection, one shard at a time, and none until all are launched.
    Here each shard waits by itself, as `Services.connecting` says. One that was given up stays
    closed, also where it was just being connected again.
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
        super().__init__(ws, client, self._take)
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

    def _take(self, event: shard.EventItem) -> None:
        """Connect again; the client, which would do so for one shard at a time, ends the bot."""
        if isinstance(event.error, ReconnectWebSocket):
            self._connect_again(resume=event.error.resume)
        else:
            self._tell_client(event)

    async def _handle_disconnect(self, e: Exception) -> None:
        if isinstance(e, discord.ConnectionClosed):
            await super()._handle_disconnect(e)
            return
        # The address to resume at may be gone; the common one resumes sessions, too.
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
    """Let the shards that are launched from now on resume."""
    shard.Shard = _ResumingShard  # type: ignore[misc]


# Shards that come and go while the client runs.


def divide_guilds(client: discord.AutoShardedClient, count: int) -> None:
    """Tell a client how many shards there are in all, of which it runs some."""
    client.shard_count = count
    client._connection.shard_count = count
    client._connection.shard_ids = range(count)


def gate_events(client: discord.Client, is_open: Callable[[], bool]) -> None:
    """Let a client take events only while `is_open` says so; what comes otherwise is lost."""
    parsers = client._connection.parsers

    def gated(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda data: parse(data) if is_open() else None

    parsers.update({name: gated(parse) for name, parse in parsers.items()})


async def give_up_shard(client: discord.AutoShardedClient, shard_id: int) -> None:
    """End a shard's connection for good, and forget its guilds, which another process sees now."""
    known: dict[int, _ResumingShard] = getattr(client, "_AutoShardedClient__shards")  # noqa: B009
    state = client._connection
    given_up = known.pop(shard_id, None)
    if given_up is not None:
        given_up.given_up = True
        await given_up.disconnect()
    getting_ready = state._ready_tasks.pop(shard_id, None)
    if getting_ready is not None:
        getting_ready.cancel()
    state._ready_states.pop(shard_id, None)
    for guild in [one for one in client.guilds if one.shard_id == shard_id]:
        state._remove_guild(guild)

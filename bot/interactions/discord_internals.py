"""Undocumented parts of discord.py that are used, in one place and checked at import.

discord.py has no public way to send a lost interaction response again, to fill in a form that
another process opened, to take a deleted role from a member in its cache, to close a client of
shards that was never set up, to resume a shard's session at the second attempt, or to give up a
shard that another process is to run. A version that lacks one of these parts is refused here, by
its name.
"""

from collections.abc import Callable, Iterable
from pkgutil import resolve_name
from typing import Any, Final

import discord
from discord import shard
from discord.client import _LoopSentinel
from discord.gateway import ReconnectWebSocket
from discord.webhook import async_

from bot.interactions.services import Interaction

USED: Final = (
    "discord.webhook.async_:async_context.set",
    "discord.webhook.async_:AsyncWebhookAdapter.request",
    "discord.ui:Modal._dispatch_submit",
    "discord:Member._roles",
    "discord.client:_LoopSentinel",
    "discord.shard:Shard.reconnect",
    "discord.shard:Shard.reidentify",
    "discord.shard:Shard.launch",
    "discord.state:AutoShardedConnectionState._delay_shard_ready",
    "discord.state:AutoShardedConnectionState._remove_guild",
)


def missing(names: Iterable[str]) -> list[str]:
    """Those of these parts, as `module:attribute`, that the installed discord.py lacks."""
    found = []
    for name in names:
        try:
            resolve_name(name)
        except (ImportError, AttributeError):
            found.append(name)
    return found


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
    meantime is lost; its client without shards resumes. One that was given up stays closed, also
    where it was just being connected again.
    """

    given_up = False

    def launch(self) -> None:
        if self.given_up:
            self._client.loop.create_task(self.ws.close(code=1000))
        else:
            super().launch()

    async def reidentify(self, exc: ReconnectWebSocket) -> None:
        if not self.given_up:
            await super().reidentify(exc)

    async def reconnect(self) -> None:
        if self.given_up:
            return
        if self.ws.session_id is None:
            await super().reconnect()
        else:
            await self.reidentify(ReconnectWebSocket(self.id, resume=True))


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

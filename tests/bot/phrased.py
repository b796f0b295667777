"""A server in which a language model phrases answers."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from bot.config.settings import PhrasingSettings, Settings
from knowledge.values.guilds import Phrasing
from knowledge.values.questions import RecordedPhrasing
from tests.bot.phrasing.scripted_endpoint import MODEL, ScriptedEndpoint, ids
from tests.bot.world import TEXT, World

# A note, and its sentence that answers, as it stands above the quotations where it was chosen.
NOTE: Final = f"{TEXT} Bring a laptop. Doors open at six in the evening."
QUOTE: Final = f"> {TEXT} [1]"


def with_phrasing(settings: Settings, url: str, **chosen: Any) -> Settings:
    """Settings of a bot that may ask the model at an address, and write."""
    phrasing = PhrasingSettings(**{"mode": "phrase", "url": url, "model": MODEL, **chosen})
    return settings.model_copy(update={"phrasing": phrasing})


async def turn_on(world: World, mode: Phrasing = Phrasing.CHOOSE, host: str = "") -> None:
    """Have the administrators choose it, for the endpoint that there is or for another one."""
    changes = {"phrasing": mode, "phrasing_host": host or world.bot.settings.phrasing.host}
    await world.core(lambda core: core.store.guilds.change(world.guild.id, changes, world.admin.id))
    world.bot.guild_settings.forget(world.guild.id)


async def phrasing_of(world: World, question_id: int) -> RecordedPhrasing | None:
    """What is on record of a question's phrasing."""
    return await world.core(lambda core: core.store.phrasings.of(question_id))


async def in_flight(
    endpoint: ScriptedEndpoint, asking: Coroutine[Any, Any, Any]
) -> "asyncio.Task[Any]":
    """A question that is answered, and whose model thinks until it is `released`."""
    task = asyncio.create_task(asking)
    await endpoint.arrived.wait()
    return task


def mention(world: World) -> str:
    assert world.bot.user is not None
    return f"<@{world.bot.user.id}>"


def edits(world: World) -> int:
    """How often messages were sent in the place of a deferred response, or edited, until now."""
    requests = world.env.http_requests
    return sum(one.method == "PATCH" and "/messages/" in one.path for one in requests)


def written(body: dict[str, Any], text: str) -> dict[str, Any]:
    """The reply of a model that writes a sentence, on what has its last word in it."""
    return {"sentences": [{"text": f"{text}.", "from": ids(body, text.split()[-1])}]}

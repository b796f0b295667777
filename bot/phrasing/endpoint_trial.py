"""Trial request to the endpoint with a made-up passage, for `commonplace doctor`."""

import asyncio
from typing import Final

from bot.answers.phrased import Mode
from bot.config.sections import PhrasingSettings
from bot.phrasing.endpoint import Endpoint, EndpointSettings, Failure
from bot.phrasing.prompts import prompt
from bot.phrasing.sentences import numbered
from bot.phrasing.task import Quoted, Task

_TASK: Final = Task(
    "When does the ferry leave?", (Quoted("The ferry leaves at nine.", "Ferries"),), Mode.CHOOSE
)


def problem(settings: PhrasingSettings, key: str) -> str:
    """Ask the endpoint once; returns its problem, or an empty string."""
    return asyncio.run(_problem(settings, key))


async def _problem(settings: PhrasingSettings, key: str) -> str:
    try:
        endpoint = Endpoint(EndpointSettings(settings.url, settings.model, settings.seconds), key)
    except ValueError as error:
        return str(error)
    try:
        found = await endpoint.reply(prompt(_TASK, numbered(_TASK.quotes)))
    finally:
        await endpoint.close()
    if isinstance(found, Failure):
        return (
            f"{endpoint.host} {found.problem}, so answers stay plain. Check `phrasing.url`, "
            "`phrasing.model` and PHRASING_KEY."
        )
    return ""

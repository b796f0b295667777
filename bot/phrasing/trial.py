"""Trial request to the endpoint, for `commonplace doctor`: a made-up question and passage."""

import asyncio
from typing import Final

from bot.answers.phrased import Mode
from bot.config.phrasing import PhrasingSettings
from bot.phrasing.endpoint import Endpoint, EndpointSettings, Failure
from bot.phrasing.prompts import prompt
from bot.phrasing.sentences import numbered
from bot.phrasing.task import Quoted, Task

_TASK: Final = Task(
    "When does the ferry leave?", (Quoted("The ferry leaves at nine.", "Ferries"),), Mode.CHOOSE
)


def problem(settings: PhrasingSettings, key: str) -> str:
    """Ask the endpoint once, as an answer would; the reason why it can't be used, or nothing."""
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

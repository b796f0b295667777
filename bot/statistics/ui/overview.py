"""Overview as a Discord message: gathered in the worker's thread, drawn in another thread.

Without the extra `plot`, or the permission to attach files, the overview is text.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import discord

from bot.core.worker import run_in_thread
from bot.interactions.pictures import drawing_file
from bot.interactions.services import Services
from bot.statistics import overview as overviews
from bot.statistics import overview_picture as picture
from bot.statistics.overview import Audience, Overview, Panel
from knowledge.values.guilds import Language

# matplotlib is broken, or lacks a folder for its fonts.
_UNDRAWN: Final = (ImportError, OSError, RuntimeError, ValueError)

_logger = logging.getLogger(__name__)


class DrawnOverview(NamedTuple):
    """An overview's picture, if any, and panels to show as text."""

    files: Sequence[discord.File] = ()
    panels: Sequence[Panel] = ()


async def gather_overview(bot: Services, audience: Audience, now: datetime) -> Overview | None:
    """Gather an overview; None if nobody asked anything."""
    quotes = bot.settings.answers.passages
    await bot.worker.run_slices(lambda core: overviews.prepare(core, audience, now))
    found = await bot.worker.call(lambda core: overviews.overview(core, audience, now, quotes))
    return found if any(found.questions.values()) else None


async def draw_overview(
    overview: Overview | None, language: Language, *, attach: bool
) -> DrawnOverview:
    """Draw an overview if the bot may `attach` files.

    If nothing is drawn, or if the picture lacks some letters, the panels are also returned as text.
    """
    if overview is None:
        return DrawnOverview()
    panels = overviews.panels(overview, language)
    if not (attach and picture.is_possible()):
        return DrawnOverview(panels=panels)
    try:
        png, whole = await run_in_thread(picture.draw, panels, language)
    except _UNDRAWN as error:
        _logger.warning("The overview could not be drawn, so it is text: %r", error)
        return DrawnOverview(panels=panels)
    file = drawing_file(png, "overview", overviews.description(panels))
    return DrawnOverview([file], () if whole else panels)

"""Durable inbox of interactions: clicks and forms, stored until they are answered.

After the acknowledgement, Discord shows *thinking…* or closes the form. If the process ends before
the answer, the next process finds the record and answers
(`bot.interactions.kit.forms.answer_unfinished`).
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bot.core.job_queue import Priority
from bot.interactions.services import Interaction
from knowledge.store.interactions import KeptInteraction

_logger = logging.getLogger(__name__)

# Key in `Interaction.extras`: the job that stores the record.
_KEEPING: Final = "keeping"


def keep(
    interaction: Interaction, fields: Sequence[tuple[str, str]] = ()
) -> "asyncio.Future[None]":
    """Start to store an interaction with its fields, which are pairs of id and value.

    The future is done once the interaction is stored. A second call returns the same future.
    """
    if _KEEPING in interaction.extras:
        begun: asyncio.Future[None] = interaction.extras[_KEEPING]
        return begun
    sent: Any = interaction.data
    record = KeptInteraction(
        interaction.id,
        interaction.guild_id,
        interaction.user.id,
        interaction.token,
        interaction.locale.value,
        sent["custom_id"],
        fields,
        datetime.now(UTC),
    )
    keeping = asyncio.ensure_future(
        interaction.client.worker.call(
            lambda core: core.store.inbox.keep(record), priority=Priority.ASKING
        )
    )
    keeping.add_done_callback(_log_loss)
    interaction.extras[_KEEPING] = keeping
    return keeping


async def delete_record(interaction: Interaction) -> None:
    """Delete the record of an interaction whose sender was answered."""
    keeping: asyncio.Future[None] | None = interaction.extras.pop(_KEEPING, None)
    if keeping is None:
        return
    await asyncio.wait([keeping])
    if keeping.cancelled() or keeping.exception() is not None:
        return
    try:
        await interaction.client.worker.call(lambda core: core.store.inbox.delete(interaction.id))
    except Exception as error:  # noqa: BLE001 - its sender was answered
        _logger.warning("The record of an answered interaction could not be deleted: %s", error)


def _log_loss(keeping: "asyncio.Future[None]") -> None:
    error = None if keeping.cancelled() else keeping.exception()
    if error is not None:
        _logger.warning("An interaction could not be stored: %s", error)

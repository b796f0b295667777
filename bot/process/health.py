"""Health of the bot: why the bot is unhealthy, or why its answers are incomplete."""

import asyncio
from typing import Final

from bot.cluster.processes import Process
from bot.config.version import own_version
from bot.core.core import Core
from bot.core.degradations import Degradations
from bot.core.job_queue import Priority
from bot.core.worker import Worker
from bot.interactions.policy.explanations import EXPLAINED
from bot.process.background import BackgroundTasks
from bot.process.health_server import Health
from knowledge.store.database import is_away

# How long the worker may take to report its health; a slice takes a fraction of a second.
LOOKING_SECONDS: Final = 5


async def check_health(
    worker: Worker[Core] | None,
    background: BackgroundTasks,
    cluster: Process,
    degradations: Degradations,
    unconnected: str,
) -> Health:
    """Return the bot's health; `unconnected` is the problem of the connection to Discord, or ""."""
    problem, lacking = unopened_problem(worker), tuple[str, ...]()
    if worker is not None and not problem:
        problem, lacking = await _worker_problems(worker)
    index_problem = "" if problem else background.index_problem
    reasons = (problem, index_problem, unconnected, cluster.problem)
    details = {"version": own_version(), **cluster.details()}
    degraded = (*lacking, *cluster.degraded, *degradations.reasons())
    return Health(tuple(filter(None, reasons)), details, degraded)


def unopened_problem(worker: Worker[Core] | None) -> str:
    """The reason why the core isn't open, or "" if the core is open."""
    if worker is None:
        return "The bot has not logged in yet."
    if worker.problem is not None:
        known = isinstance(worker.problem, EXPLAINED)
        return str(worker.problem) if known else "The data folder can't be opened."
    return "" if worker.opened else "The data folder is being opened."


async def _worker_problems(worker: Worker[Core]) -> tuple[str, tuple[str, ...]]:
    """Return the worker's problem, or "", and the reasons why answers are incomplete."""
    try:
        async with asyncio.timeout(LOOKING_SECONDS):
            lacking = await worker.call(Core.problems, priority=Priority.HEALTH)
    except (TimeoutError, *EXPLAINED) as error:
        if is_away(error):
            # The cluster reports an outage that lasts too long.
            return "", ()
        return str(error) or f"The worker has not answered for {LOOKING_SECONDS} s.", ()
    return "", lacking

"""Asynchronous reader for other programs, which calls `bot.programs.service` in the worker.

Waiting requests are batched, like members' questions.
"""

from dataclasses import dataclass
from functools import partial

from bot.answers.pipeline import problem_with, response_without_lookup
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import Worker
from bot.programs import service
from bot.programs.service import (
    Answered,
    Passage,
    Question,
    Search,
    UnusableError,
    WholeDocument,
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the shared documents and, with a `guild_id`, the public documents of this guild.

    Each method raises `UnusableError` for an invalid request, and `WorkerBusyError` if too many
    requests wait.
    """

    worker: Worker[Core]
    guild_id: int | None = None

    async def ask(self, question: str) -> Answered:
        # Refused early, so that an invalid question takes no turn.
        if problem := response_without_lookup(question):
            raise UnusableError(problem)
        answered = await self.worker.call_batched(service.ask, Question(self.guild_id, question))
        if isinstance(answered, UnusableError):
            raise answered
        return answered

    async def search(self, query: str, most: int) -> list[Passage]:
        if problem := problem_with(query):
            raise UnusableError(problem)
        wanted = Search(self.guild_id, query, most)
        return await self.worker.call_batched(service.search, wanted)

    async def document(self, document_id: str) -> WholeDocument:
        found = partial(service.document, guild_id=self.guild_id, document_id=document_id)
        return await self.worker.call(found, priority=Priority.ASKING)

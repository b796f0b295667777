"""Phrasing dispatcher: asks a model to phrase answers, and caches the results.

Imported only if `phrasing.mode` is on. The dispatcher decides from data in memory whether to ask
the model, so the plain answer isn't delayed. After the plain answer is sent, the dispatcher counts
a request against the quotas in the database, asks the model, and stores the result. Results stay in
an LRU cache until content in one of the searched scopes changes. Equal questions in flight share
one request.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cachetools import LRUCache

from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.answers.phrased import Candidate, Mode, Outcome, Phrased, Result
from bot.answers.pipeline import Reply
from bot.config.sections import PhrasingSettings
from bot.config.settings import ConfigError, phrasing_key
from bot.core.degradations import Degradations
from bot.core.job_queue import Priority
from bot.core.worker import Worker
from bot.interactions.kit.edits import EditPacer
from bot.interactions.services import Services
from bot.phrasing import service
from bot.phrasing.endpoint import Endpoint, EndpointSettings
from bot.phrasing.phraser import Phraser
from bot.phrasing.task import Found, Quoted, ResultKey, task_of
from indexer.retrieval.hit import Hit
from indexer.text.sentences import units
from knowledge.values.guilds import GuildSettings, Phrasing
from knowledge.values.phrasings import UsedUp
from knowledge.values.questions import Evidence

# The largest number of cached results, because recent questions repeat; a result takes about 20 kB.
RESULTS: Final = 128
# Time for the database and for the edit of the answer, besides the model's time.
_EDIT_TIME: Final = timedelta(seconds=5)
PART: Final = "phrasing"

_logger = logging.getLogger(__name__)


Observer = Callable[[Phrased, int], None]


@dataclass
class PhrasingDispatcher:
    """Asks a model to phrase answers.

    Attributes:
        settings: the operator's settings.
        model: the client of the model.
        accepts_requests: whether the circuit breaker allows requests.
        worker: returns the worker.
        degradations: receives the endpoint's problems.
        observe: called with each result and the number of tokens for it.
        now: the clock.
        pacer: limits the rate of edits.
    """

    settings: PhrasingSettings
    model: Phraser
    accepts_requests: Callable[[], bool]
    worker: Callable[[], Worker[Any]]
    degradations: Degradations
    observe: Observer
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pacer: EditPacer = field(default_factory=EditPacer)
    _used_up: UsedUp | None = None
    _results: LRUCache[ResultKey, Found] = field(default_factory=lambda: LRUCache(RESULTS))
    _under_way: dict[ResultKey, "asyncio.Task[Found | None]"] = field(default_factory=dict)
    _beginning: "asyncio.Task[None] | None" = None
    _closing: bool = False

    # Before the plain answer is sent.

    def mode_in(self, guild: GuildSettings | None) -> Mode | None:
        """Return the mode for a guild's answers, or None if no model may be asked about them.

        In direct messages, `guild` is None, and the mode is `Mode.CHOOSE`.
        """
        if guild is None:
            return Mode.CHOOSE
        if guild.phrasing is Phrasing.OFF or guild.phrasing_host != self.settings.host:
            return None
        both = self.settings.mode == guild.phrasing.value == Mode.PHRASE.value
        return Mode.PHRASE if both else Mode.CHOOSE

    def candidate(self, ask: Ask, reply: Reply, guild: GuildSettings | None) -> Candidate | None:
        mode, outcome = self.mode_in(guild), reply.outcome
        if mode is None or not isinstance(outcome, Answer) or reply.question_id is None:
            return None
        if reply.bridged:
            # A reply given during an outage of the database can't be recorded.
            return None
        supported = outcome.evidence is not Evidence.NONE and not outcome.conflicts
        if not supported or not self._may_send([quote.hit for quote in outcome.quotes]):
            return None
        found = Candidate(ask, reply, mode)
        if not self._has_choice(found):
            return None
        if self._is_known(found):
            return found
        used = self._used_up
        full = 0 < self.settings.in_flight <= len(self._under_way)
        if full or self._closing or not self.accepts_requests():
            return None
        if used is None or used.stops(ask.asker_id, ask.guild_id, self.now()):
            return None
        return found

    def _has_choice(self, candidate: Candidate) -> bool:
        """Whether the model could change the answer. A single sentence leaves no choice."""
        first, *others = candidate.answer.quotes
        may_differ = candidate.mode is Mode.PHRASE or self._to_reorder(candidate)
        return bool(may_differ or others or len(units(first.text)) > 1)

    def _is_known(self, candidate: Candidate) -> bool:
        key = self._key(candidate)
        return key in self._results or key in self._under_way

    def _may_send(self, hits: list[Hit]) -> bool:
        """Whether these passages may be sent to the endpoint."""
        if self.settings.is_private or self.settings.may_send_messages:
            return True
        return not any(map(service.is_conversation, hits))

    def edited_until(self) -> datetime:
        return self.now() + timedelta(seconds=self.settings.seconds) + _EDIT_TIME

    def _key(self, candidate: Candidate) -> ResultKey:
        return ResultKey(
            task_of(candidate),
            self._to_reorder(candidate),
            (candidate.ask.scopes, candidate.ask.answered_from),
            candidate.reply.generation,
            self.model.identity,
        )

    def _to_reorder(self, candidate: Candidate) -> tuple[Quoted, ...]:
        """Return the hits that the model may reorder, or nothing if the order must stay."""
        hits = [*candidate.reply.hits]
        if not self.settings.reorder or candidate.answer.confirmed or not self._may_send(hits):
            return ()
        return tuple(
            Quoted(hit.passage.text, hit.passage.title, hit.passage.heading) for hit in hits
        )

    # After the plain answer is sent.

    def start(self) -> None:
        """Start to load the used-up quotas; until they are loaded, no model is asked."""
        self._beginning = asyncio.create_task(self._load_usage())

    async def _load_usage(self) -> None:
        most, now = service.caps(self.settings), self.now()
        self._used_up = await self.worker().call(
            lambda core: core.store.phrasings.all_used_up(most, now), priority=Priority.ASKING
        )

    async def phrase(self, candidate: Candidate) -> Result | None:
        key = self._key(candidate)
        found, repeated = self._results.get(key), True
        if found is None:
            asking = self._under_way.get(key)
            repeated = asking is not None
            if asking is None:
                # Registered before the first await, so that nobody else asks the same.
                asking = asyncio.create_task(self._asked_within_quotas(candidate))
                self._under_way[key] = asking
                asking.add_done_callback(lambda _: self._under_way.pop(key, None))
            # A caller that stops waiting doesn't cancel it for others; a cancelled task raises
            # nothing.
            await asyncio.wait([asking])
            found = None if asking.cancelled() else asking.result()
        if found is None:
            return None
        return await self._recorded(candidate, key, found, repeated=repeated)

    async def _asked_within_quotas(self, candidate: Candidate) -> Found | None:
        """Count a request against the quotas, and ask the model; None if a quota is used up."""
        most, now = service.caps(self.settings), self.now()
        question_id = candidate.reply.question_id or 0
        mode = candidate.mode.value
        held = [*self._results]
        (claimed, used), outdated = await self.worker().call(
            lambda core: (
                service.claim(core, candidate.ask, question_id, mode, most, now),
                service.outdated(core, held),
            ),
            priority=Priority.ASKING,
        )
        # Results in changed scopes may quote deleted text.
        for key in outdated:
            self._results.pop(key, None)
        self._learn(used)
        if not claimed:
            return None
        try:
            async with asyncio.timeout(self.settings.seconds):
                found = await self._phrased(candidate)
        except TimeoutError:
            found = Found(Phrased(Outcome.LATE, seconds=self.settings.seconds))
        self._report(found)
        return found

    async def _phrased(self, candidate: Candidate) -> Found:
        places: tuple[int, ...] = ()
        reply, spent = candidate.reply, [0, 0]
        offered = self._to_reorder(candidate)
        if offered:
            ordered = await self.model.order(candidate.ask.text, offered)
            spent = [ordered.prompt_tokens, ordered.reply_tokens]
            if ordered.outcome is Outcome.SHOWN and ordered.places != tuple(range(len(offered))):
                places = ordered.places
                reply = await self._decided_again(candidate, places)
        phrased = await self.model.phrase(task_of(replace(candidate, reply=reply)))
        return Found(
            phrased,
            places,
            replace(reply, question_id=None) if places else None,
            phrased.prompt_tokens + spent[0],
            phrased.reply_tokens + spent[1],
        )

    async def _decided_again(self, candidate: Candidate, places: tuple[int, ...]) -> Reply:
        found: Reply = await self.worker().call(
            lambda core: core.answer_pipeline.decide_again(candidate.ask, candidate.reply, places),
            priority=Priority.ASKING,
        )
        return found

    def _report(self, found: Found) -> None:
        """Report a result to metrics, log and health, without any text."""
        phrased = found.phrased
        self.observe(phrased, found.prompt_tokens + found.reply_tokens)
        _logger.info(
            "A model was asked to phrase an answer: %s.",
            phrased.outcome.value,
            extra={"seconds": round(phrased.seconds, 3), "problem": phrased.problem},
        )
        problem = self.model.problem
        if problem:
            self.degradations.leave_out(PART, problem)
        else:
            self.degradations.restore(PART)

    async def _recorded(
        self, candidate: Candidate, key: ResultKey, found: Found, *, repeated: bool
    ) -> Result | None:
        """Record a result. Return it if it changes the answer and may still be quoted."""
        phrased = found.phrased
        shows = phrased.outcome is Outcome.SHOWN
        reply = candidate.reply
        if found.reply is not None:
            reply = replace(found.reply, question_id=reply.question_id)
        most, now = service.caps(self.settings), self.now()
        kept = found.recorded(candidate.mode, now, repeated=repeated)
        quotable, used = await self.worker().call(
            lambda core: service.finish(core, candidate.ask, reply, kept, most, now),
            priority=Priority.ASKING,
        )
        self._learn(used)
        if not quotable or not (shows or found.places):
            return None
        if not repeated:
            self._results[key] = found
        named = replace(phrased, model=self.settings.model) if shows else None
        return Result(reply, named)

    def _learn(self, used: UsedUp) -> None:
        known = self._used_up or UsedUp()
        now = self.now()
        self._used_up = UsedUp(
            {one: until for one, until in {**known.members, **used.members}.items() if until > now},
            {one: until for one, until in {**known.guilds, **used.guilds}.items() if until > now},
            used.everywhere,
        )

    async def stop(self) -> None:
        """Cancel the requests in flight, and accept no more. Plain answers that were sent stay."""
        self._closing = True
        if self._beginning is not None:
            self._beginning.cancel()
        for task in [*self._under_way.values()]:
            task.cancel()
        await self.model.close()


def open_dispatcher(bot: Services) -> PhrasingDispatcher:
    """Open the dispatcher for the endpoint in the settings.

    Raises:
        ConfigError: if the endpoint's key can't be sent in an HTTP header.
    """
    settings = bot.settings.phrasing
    at = EndpointSettings(settings.url, settings.model, settings.seconds, settings.in_flight)
    try:
        endpoint = Endpoint(at, phrasing_key())
    except ValueError as error:
        raise ConfigError(f"PHRASING_KEY can't be used: {error}") from error

    async def embed(texts: Any) -> Any:
        return await bot.worker.call(
            lambda core: core.embedder.embed_passages(list(texts)), priority=Priority.ASKING
        )

    def accepts_requests() -> bool:
        return not (endpoint.circuit.is_open or endpoint.circuit.is_paused)

    phraser = Phraser(endpoint, embed)
    return PhrasingDispatcher(
        settings,
        phraser,
        accepts_requests,
        lambda: bot.worker,
        bot.degradations,
        bot.metrics.phrased,
    )

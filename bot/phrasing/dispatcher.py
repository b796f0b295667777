"""Phrasing dispatcher: asks a model to phrase answers, and caches the results.

Imported only if `phrasing.mode` is on. The dispatcher decides from data in memory whether to ask
the model, so the plain answer isn't delayed. After the plain answer is sent, the dispatcher counts
a request against the quotas in the database, asks the model, and stores the result. Results stay in
an LRU cache until content in one of the searched scopes changes. Equal questions in flight share
one request.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from cachetools import LRUCache

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply
from bot.answers.phrased import Candidate, Mode, Outcome, Phrased, Result
from bot.config.settings import ConfigError, phrasing_key
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.interactions.kit.edits import EditPacer
from bot.interactions.services import Services
from bot.phrasing.endpoint import Endpoint, EndpointSettings
from bot.phrasing.phraser import Phraser
from bot.phrasing.sentences import Quoted, Task
from indexer.retrieval.hit import Hit
from indexer.text.sentences import units
from knowledge.values.documents import Kind, Scope, channel_of
from knowledge.values.guilds import Phrasing
from knowledge.values.questions import Evidence, PhrasingCaps, RecordedPhrasing, UsedUp, WrittenLine
from knowledge.values.settings import AnsweredFrom, GuildSettings

# The largest number of cached results, because recent questions repeat; a result takes about 20 kB.
RESULTS: Final = 128
# Time for the database and for the edit of the answer, besides the model's time.
_EDIT_TIME: Final = timedelta(seconds=5)
PART: Final = "phrasing"

_logger = logging.getLogger(__name__)


class ResultKey(NamedTuple):
    """Key of a cached result: two answers with the same key are phrased alike.

    `place` has the visible scopes besides the articles, and the channel's selection of sources;
    `generation` is that of the content in these scopes. `hits` are those that the model reorders.
    """

    task: Task
    hits: tuple[Quoted, ...]
    place: tuple[tuple[Scope, ...], AnsweredFrom]
    generation: int


class Found(NamedTuple):
    """A result that equal questions share, so it contains no id of a question.

    `places` is the new order of the hits, and `reply` the answer with its quotations in this order.
    If the hits keep their order, they are empty and None.
    """

    phrased: Phrased
    places: tuple[int, ...] = ()
    reply: Reply | None = None
    prompt_tokens: int = 0
    reply_tokens: int = 0


def task_of(candidate: Candidate) -> Task:
    quotes = tuple(
        Quoted(quote.text, quote.citation.title, quote.citation.heading)
        for quote in candidate.answer.quotes
    )
    earlier = candidate.ask.earlier.rsplit("\n", 1)[-1]
    return Task(candidate.ask.text, quotes, candidate.mode, earlier)


def is_conversation(hit: Hit) -> bool:
    """Whether a hit quotes members' messages, from a channel or an exported chat."""
    passage = hit.passage
    return passage.kind in (Kind.CHAT, Kind.CHANNEL) or channel_of(passage.scope) is not None


class PhrasingDispatcher:
    """Asks the operator's model to phrase answers; `pacer` limits the rate of edits."""

    def __init__(self, bot: Services) -> None:
        """Prepare the client, unconnected; ConfigError if its key can't be sent."""
        self._bot = bot
        self._settings = settings = bot.settings.phrasing
        at = EndpointSettings(settings.url, settings.model, settings.seconds, settings.in_flight)
        try:
            endpoint = Endpoint(at, phrasing_key())
        except ValueError as error:
            raise ConfigError(f"PHRASING_KEY can't be used: {error}") from error

        async def embed(texts: Sequence[str]) -> Any:
            return await bot.worker.call(
                lambda core: core.embedder.embed_passages(list(texts)), priority=Priority.ASKING
            )

        self._phraser = Phraser(endpoint, embed)
        self._caps = PhrasingCaps(
            settings.member_hourly, settings.guild_daily, settings.daily_tokens
        )
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.pacer = EditPacer()
        self._used_up: UsedUp | None = None
        self._results: LRUCache[ResultKey, Found] = LRUCache(RESULTS)
        self._under_way: dict[ResultKey, asyncio.Task[Found | None]] = {}
        self._loading: asyncio.Task[None] | None = None
        self._closing = False

    # Before the plain answer is sent.

    def mode_in(self, guild: GuildSettings | None) -> Mode | None:
        """The mode for a guild's answers or, with None, for direct messages; None if off."""
        if guild is None:
            return Mode.CHOOSE
        if guild.phrasing is Phrasing.OFF or guild.phrasing_host != self._settings.host:
            return None
        both = self._settings.mode == guild.phrasing.value == Mode.PHRASE.value
        return Mode.PHRASE if both else Mode.CHOOSE

    def candidate(self, ask: Ask, reply: Reply, guild: GuildSettings | None) -> Candidate | None:
        """Return the answer if a model may be asked about it now, and could change it."""
        mode, outcome = self.mode_in(guild), reply.outcome
        # A reply given during an outage of the database can't be recorded.
        is_recorded = reply.question_id is not None and not reply.bridged
        if mode is None or not isinstance(outcome, Answer) or not is_recorded:
            return None
        if outcome.evidence is Evidence.NONE or outcome.conflicts:
            return None
        if not self._may_send([quote.hit for quote in outcome.quotes]):
            return None
        candidate = Candidate(ask, reply, mode)
        # A single sentence leaves no choice.
        is_single = len(outcome.quotes) == 1 and len(units(outcome.quotes[0].text)) < 2
        if is_single and mode is Mode.CHOOSE and not self._to_reorder(candidate):
            return None
        key = self._key(candidate)
        is_known = key in self._results or key in self._under_way
        return candidate if is_known or self._accepts(ask) else None

    def _accepts(self, ask: Ask) -> bool:
        """Whether the endpoint, the limit of requests in flight and the quotas allow a request."""
        circuit, used = self._phraser.endpoint.circuit, self._used_up
        is_full = 0 < self._settings.in_flight <= len(self._under_way)
        if is_full or self._closing or circuit.is_open or circuit.is_paused:
            return False
        return used is not None and not used.stops(ask.asker_id, ask.guild_id, self.now())

    def _may_send(self, hits: list[Hit]) -> bool:
        """Whether these passages may be sent to the endpoint."""
        if self._settings.is_private or self._settings.may_send_messages:
            return True
        return not any(map(is_conversation, hits))

    def edited_until(self) -> datetime:
        return self.now() + timedelta(seconds=self._settings.seconds) + _EDIT_TIME

    def _key(self, candidate: Candidate) -> ResultKey:
        return ResultKey(
            task_of(candidate),
            self._to_reorder(candidate),
            (candidate.ask.scopes, candidate.ask.answered_from),
            candidate.reply.generation,
        )

    def _to_reorder(self, candidate: Candidate) -> tuple[Quoted, ...]:
        """Return the hits that the model may reorder, or nothing if the order must stay."""
        hits = [*candidate.reply.hits]
        if not self._settings.reorder or candidate.answer.confirmed or not self._may_send(hits):
            return ()
        passages = [hit.passage for hit in hits]
        return tuple(Quoted(passage.text, passage.title, passage.heading) for passage in passages)

    # After the plain answer is sent.

    def start(self) -> None:
        """Start to load the used-up quotas; until they are loaded, no model is asked."""

        async def load() -> None:
            now = self.now()
            self._used_up = await self._bot.worker.call(
                lambda core: core.store.phrasings.all_used_up(self._caps, now),
                priority=Priority.ASKING,
            )

        self._loading = asyncio.create_task(load())

    async def phrase(self, candidate: Candidate) -> Result | None:
        """Ask the model, or take the result of an equal question, and record it."""
        key = self._key(candidate)
        found, repeated = self._results.get(key), True
        if found is None:
            asking = self._under_way.get(key)
            repeated = asking is not None
            if asking is None:
                # Registered before the first await, so that nobody else asks the same.
                asking = asyncio.create_task(self._ask_within_quotas(candidate))
                self._under_way[key] = asking
                asking.add_done_callback(lambda _: self._under_way.pop(key, None))
            # A caller that stops waiting doesn't cancel it for others; a cancelled task raises
            # nothing.
            await asyncio.wait([asking])
            found = None if asking.cancelled() else asking.result()
        if found is None:
            return None
        result = await self._record(candidate, found, repeated=repeated)
        if result is not None and not repeated:
            self._results[key] = found
        return result

    async def _ask_within_quotas(self, candidate: Candidate) -> Found | None:
        """Count a request against the quotas, and ask the model; None if a quota is used up."""
        ask, question_id, now = candidate.ask, candidate.reply.question_id or 0, self.now()
        held = [*self._results]

        def claim(core: Core) -> tuple[bool, UsedUp, list[ResultKey]]:
            table = core.store.phrasings
            claimed = table.claim(question_id, candidate.mode.value, self._caps, now)
            generations = {
                place: core.answer_pipeline.generation(*place)
                for place in {key.place for key in held}
            }
            outdated = [key for key in held if key.generation != generations[key.place]]
            used = table.used_up(self._caps, now, ask.asker_id, ask.guild_id)
            return claimed, used, outdated

        claimed, used, outdated = await self._bot.worker.call(claim, priority=Priority.ASKING)
        # Results in changed scopes may quote deleted text.
        for key in outdated:
            self._results.pop(key, None)
        self._add_used_up(used)
        if not claimed:
            return None
        try:
            async with asyncio.timeout(self._settings.seconds):
                found = await self._order_and_phrase(candidate)
        except TimeoutError:
            found = Found(Phrased(Outcome.LATE, seconds=self._settings.seconds))
        # Metrics, log and health learn the result without any text.
        phrased = found.phrased
        self._bot.metrics.count_phrasing(phrased, found.prompt_tokens + found.reply_tokens)
        _logger.info(
            "A model was asked to phrase an answer: %s.",
            phrased.outcome.value,
            extra={"seconds": round(phrased.seconds, 3), "problem": phrased.problem},
        )
        if problem := self._phraser.endpoint.problem:
            self._bot.degradations.leave_out(PART, problem)
        else:
            self._bot.degradations.restore(PART)
        return found

    async def _order_and_phrase(self, candidate: Candidate) -> Found:
        places: tuple[int, ...] = ()
        reply, spent = candidate.reply, (0, 0)
        if offered := self._to_reorder(candidate):
            ordered = await self._phraser.order(candidate.ask.text, offered)
            spent = (ordered.prompt_tokens, ordered.reply_tokens)
            if ordered.outcome is Outcome.SHOWN and ordered.places != tuple(range(len(offered))):
                places = ordered.places
                reply = await self._bot.worker.call(
                    lambda core: core.answer_pipeline.decide_again(
                        candidate.ask, candidate.reply, places
                    ),
                    priority=Priority.ASKING,
                )
        phrased = await self._phraser.phrase(task_of(replace(candidate, reply=reply)))
        return Found(
            phrased,
            places,
            replace(reply, question_id=None) if places else None,
            phrased.prompt_tokens + spent[0],
            phrased.reply_tokens + spent[1],
        )

    async def _record(self, candidate: Candidate, found: Found, *, repeated: bool) -> Result | None:
        """Record a result. Return it if it changes the answer and may still be quoted.

        Passages deleted during the request are not shown again. A repeated result counts no tokens.
        """
        ask, reply, phrased, now = candidate.ask, candidate.reply, found.phrased, self.now()
        if found.reply is not None:
            reply = replace(found.reply, question_id=reply.question_id)
        spent = (found.prompt_tokens, found.reply_tokens, round(phrased.seconds * 1_000))
        record = RecordedPhrasing(
            candidate.mode.value,
            phrased.outcome.value,
            now,
            phrased.model,
            phrased.prompt_version,
            phrased.chosen,
            found.places,
            tuple(
                WrittenLine(line.text, line.numbers) for line in phrased.lines if not line.verbatim
            ),
            phrased.verdicts,
            *((0, 0, 0) if repeated else spent),
            repeated,
        )

        def finish(core: Core) -> tuple[bool, UsedUp]:
            quotes = reply.outcome.quotes if isinstance(reply.outcome, Answer) else ()
            is_quotable = all(
                any(
                    stored.text == quote.text
                    for stored in core.document(quote.citation.document_id, ask.scopes)
                )
                for quote in quotes
            )
            keeps_words = is_quotable and not any(map(is_conversation, reply.hits))
            kept = record if is_quotable else replace(record, outcome="gone", chosen=(), lines=())
            table = core.store.phrasings
            if reply.question_id is not None:
                table.finish(reply.question_id, kept, keeps_words=keeps_words)
            return is_quotable, table.used_up(self._caps, now, ask.asker_id, ask.guild_id)

        is_quotable, used = await self._bot.worker.call(finish, priority=Priority.ASKING)
        self._add_used_up(used)
        shows = phrased.outcome is Outcome.SHOWN
        if not is_quotable or not (shows or found.places):
            return None
        return Result(reply, replace(phrased, model=self._settings.model) if shows else None)

    def _add_used_up(self, used: UsedUp) -> None:
        known, now = self._used_up or UsedUp(), self.now()
        members, guilds = {**known.members, **used.members}, {**known.guilds, **used.guilds}
        self._used_up = UsedUp(
            {member_id: until for member_id, until in members.items() if until > now},
            {guild_id: until for guild_id, until in guilds.items() if until > now},
            used.everywhere,
        )

    async def stop(self) -> None:
        """Cancel the requests in flight, and accept no more. Plain answers that were sent stay."""
        self._closing = True
        if self._loading is not None:
            self._loading.cancel()
        requests = [*self._under_way.values()]
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)
        await self._phraser.endpoint.close()

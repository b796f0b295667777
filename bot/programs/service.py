"""Service for other programs: answers, searches and documents as plain records.

A program sees the shared documents and, if a server is named, this server's documents, but nothing
from channels. The programs' questions aren't recorded. A `Reader` calls the functions in the
worker's thread.

Errors:
    Exception
    └── UnusableError     the request is invalid; the message says why
        └── MissingError  the document doesn't exist, or programs may not see it
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from bot.answers.ask import Ask, scopes_of
from bot.answers.outcome import Clarification, Reply, State, citation
from bot.answers.question_checks import problem_with, response_without_lookup
from bot.answers.reply_fields import (
    PlaceField,
    QuoteField,
    SectionField,
    places_of,
    quotes_of,
)
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import Worker
from bot.text.languages import speaking
from indexer.index.stored_passage import StoredPassage
from knowledge.values.documents import Scope
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence

# The asker of all questions; no member has this id.
_NO_MEMBER: Final = 0
MOST_PASSAGES: Final = 50


class UnusableError(Exception):
    """The request is invalid; the message says why."""


class MissingError(UnusableError):
    """The document doesn't exist, or programs may not see it."""


@dataclass(frozen=True)
class Passage(SectionField):
    """Quotable text with its citation."""

    text: Annotated[str, Field(description="Markdown, as somebody wrote it: no instructions.")]


@dataclass(frozen=True)
class Answered:
    """An answer, and how sure it is.

    `state` is `sure` with `quotes`, `unsure` with the nearest `places`, or `unknown`. `evidence` is
    `strong`, `partial` or `none`. `probability` estimates that the first passage answers the
    question. `nearest` has the titles of the nearest documents.
    """

    question: str
    state: State
    evidence: Evidence
    probability: Annotated[float, Field(ge=0, le=1)]
    quotes: list[QuoteField]
    places: list[PlaceField]
    nearest: list[str]


@dataclass(frozen=True)
class WholeDocument:
    """A document with its passages in reading order."""

    document: str
    title: str
    link: str
    passages: list[Passage]


class Question(NamedTuple):
    """A question, and the guild in which the question is asked, if any."""

    guild_id: int | None
    text: str


class Search(NamedTuple):
    """A query, its guild, if any, and the number of passages wanted."""

    guild_id: int | None
    query: str
    most: int


# In the worker's thread.


def ask(core: Core, questions: Sequence[Question]) -> list[Answered | UnusableError]:
    """Answer questions as if asked in public; an invalid one gets an error in its place."""
    # Without a bot, nothing else checks for passed review dates.
    core.find_overdue_notes(datetime.now(UTC))
    asks = [Ask(question.text, _NO_MEMBER, question.guild_id) for question in questions]
    replies = core.answer_pipeline.ask(asks, record=False)
    # Programs are answered in English.
    with speaking(Language.ENGLISH):
        return list(map(_answer, replies))


def _answer(reply: Reply) -> Answered | UnusableError:
    if isinstance(reply.outcome, Clarification):
        return UnusableError(response_without_lookup(reply.question))
    return Answered(
        reply.question,
        reply.state,
        reply.evidence,
        round(reply.signals.get("probability", 0.0), 4),
        [replace(quote, document=public_id(quote.document)) for quote in quotes_of(reply.outcome)],
        [replace(place, document=public_id(place.document)) for place in places_of(reply.outcome)],
        list(dict.fromkeys(hit.passage.title for hit in reply.hits if hit.passage.title)),
    )


def search(core: Core, searches: Sequence[Search]) -> list[list[Passage]]:
    """Return the best passages for each query, one per document, even if none is an answer."""
    with core.index.steady():
        places = [scopes_of(search.guild_id, ()) for search in searches]
        queries = [
            core.best_variant(search.query, search.guild_id, own)
            for search, own in zip(searches, places, strict=True)
        ]
        # Embeds all queries at once, on all cores, which allows many searches a second.
        vectors = core.retriever.embed(queries)
        return [
            [_passage(hit.passage) for hit in core.rank(query, vector, own, search.most)]
            for search, own, query, vector in zip(searches, places, queries, vectors, strict=True)
        ]


def document(core: Core, guild_id: int | None, document_id: str) -> WholeDocument:
    """A document by its id; MissingError if programs can't see one with this id."""
    scopes = scopes_of(guild_id, ())
    found = core.document(document_id_of(core, document_id, scopes), scopes)
    if not found:
        raise MissingError("There is no such document. `search` returns ids.")
    first = _passage(found[0])
    return WholeDocument(
        document_id, first.title, first.link, [_passage(passage) for passage in found]
    )


def _passage(found: StoredPassage) -> Passage:
    cited = citation(found)
    return Passage(public_id(found.document_id), found.title, found.heading, cited.link, found.text)


# Public ids of documents, without paths of this machine.

# Files, and documents of a local repository; the id of a server's document has its scope.
_WITH_PATH: Final = re.compile(r"(file:)|(git:)(?:-?\d+:)?(?:file://|/)")
_CHARACTERS: Final = 24
_DIGEST: Final = re.compile(rf"(file:|git:)[0-9a-f]{{{_CHARACTERS}}}")


def public_id(document_id: str) -> str:
    """Return a document's public id, with a hash in place of a local path."""
    found = _WITH_PATH.match(document_id)
    if found is None:
        return document_id
    kind = found[1] or found[2]
    return f"{kind}{hashlib.sha256(document_id.encode()).hexdigest()[:_CHARACTERS]}"


def document_id_of(core: Core, public: str, scopes: Sequence[Scope]) -> str:
    """Return the internal id of the document with a public id; empty if there is none."""
    found = _DIGEST.fullmatch(public)
    if found is None:
        return "" if _WITH_PATH.match(public) else public
    candidates = core.index.tables.document_ids(found[1], core.articles.visible_scopes(scopes))
    return next((candidate for candidate in candidates if public_id(candidate) == public), "")


# In the event loop.


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the shared documents and, with a `guild_id`, the public documents of this guild.

    Waiting requests are batched, like members' questions. Each method raises `UnusableError` for an
    invalid request, and `WorkerBusyError` if too many requests wait.
    """

    worker: Worker[Core]
    guild_id: int | None = None

    async def ask(self, question: str) -> Answered:
        # Refused early, so that an invalid question takes no turn.
        with speaking(Language.ENGLISH):
            problem = response_without_lookup(question)
        if problem:
            raise UnusableError(problem)
        answered = await self.worker.call_batched(ask, Question(self.guild_id, question))
        if isinstance(answered, UnusableError):
            raise answered
        return answered

    async def search(self, query: str, most: int) -> list[Passage]:
        with speaking(Language.ENGLISH):
            problem = problem_with(query)
        if problem:
            raise UnusableError(problem)
        wanted = Search(self.guild_id, query, most)
        return await self.worker.call_batched(search, wanted)

    async def document(self, document_id: str) -> WholeDocument:
        found = partial(document, guild_id=self.guild_id, document_id=document_id)
        return await self.worker.call(found, priority=Priority.ASKING)

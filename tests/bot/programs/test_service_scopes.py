"""Documents that programs may see by MCP and HTTP: live ones of their own scopes only.

The bot is a core of its own on the same data folder, as it runs beside what is served.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.client import Client

from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.worker import Worker
from bot.notes import service as note_service
from bot.programs.mcp_server import mcp_server
from bot.programs.service import Reader, document_id_of, public_id
from bot.review import service as review_service
from indexer.ingest import pipeline
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import SHARED, Document, Kind, Scope, channel_scope
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.bot.conftest import settings_for
from tests.bot.programs.quokkas import CHANNEL, ELSEWHERE, HERE, filled, shown
from tests.bot.programs.test_http_api import api, client_of
from tests.fakes import WordEmbedder

TEXT: Final = "The quokka enclosure of {marker} opens at seven."
MARKER: Final = re.compile(r"marker\d+x")
CALLERS: Final = (None, HERE, ELSEWHERE)
SCOPES: Final = (SHARED, Scope(HERE), Scope(ELSEWHERE), channel_scope(CHANNEL))
MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")


class Fate(StrEnum):
    """Decision on a note before a program asks."""

    PENDING = "pending"
    REJECTED = "rejected"
    LIVE = "live"


class End(StrEnum):
    """End of a note after the first questions of a program."""

    STAYS = "stays"
    WITHDRAWN = "withdrawn"
    RETIRED = "retired"


@dataclass(frozen=True)
class Note:
    """A note of a guild, with its decision and its end."""

    guild_id: int
    fate: Fate
    end: End


@dataclass
class Beside:
    """The bot's core, and the worker that serves programs from the same folder."""

    bot: Core
    worker: Worker[Core]
    numbers: Iterator[int] = field(default_factory=count)

    def files(self, places: Sequence[Scope], staying: Sequence[bool]) -> dict[str, Scope]:
        """Index the files that stay, and remove the others; returns scopes by marker."""
        markers = {f"marker{place}x": scope for place, scope in enumerate(places)}
        kept = {
            marker: scope
            for (marker, scope), stays in zip(markers.items(), staying, strict=True)
            if stays
        }
        documents = [
            Document(f"file:/{marker}.md", scope, Kind.FILE, marker, TEXT.format(marker=marker))
            for marker, scope in kept.items()
        ]
        index, embedder = self.bot.index, self.bot.embedder
        for _ in pipeline.update(index, embedder, documents, kinds={Kind.FILE}):
            pass
        return kept

    def propose(self, note: Note) -> tuple[str, int]:
        """Propose and decide a note; returns its marker and revision."""
        marker = f"marker{1_000 + next(self.numbers)}x"
        submission = Submission(f"Quokkas {marker}", TEXT.format(marker=marker))
        made = self.bot.store.contributions.propose(note.guild_id, MIRA, 5, submission)
        revision = review_service.update_index(self.bot, made).note.revision.id
        decision = {Fate.REJECTED: Decision.REJECT, Fate.LIVE: Decision.APPROVE}.get(note.fate)
        if decision is not None:
            review_service.decide(self.bot, note.guild_id, revision, ADA, Ruling(decision))
        return marker, revision

    def end(self, note: Note, revision: int) -> None:
        """Withdraw or retire a note; only a live note can be retired."""
        if note.end is End.WITHDRAWN:
            note_service.withdraw(self.bot, note.guild_id, revision, MIRA.id)
        elif note.end is End.RETIRED and note.fate is Fate.LIVE:
            found = self.bot.store.notes.find(revision, note.guild_id)
            assert found is not None
            decisions = self.bot.store.decisions
            review_service.update_index(self.bot, decisions.retire(note.guild_id, found.id, ADA))


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory, indexed_articles: Path) -> Iterator[Beside]:
    folder = tmp_path_factory.mktemp("beside") / "data"
    shutil.copytree(indexed_articles, folder)
    made = settings_for(folder)
    worker = Worker(partial(Core, made, WordEmbedder()), Core.close)
    with Core(made, WordEmbedder()) as bot:
        yield Beside(bot, worker)
    asyncio.run(worker.stop())


async def _by_http(reader: Reader, questions: Sequence[str], ids: Sequence[str]) -> list[str]:
    async with client_of(api(reader)) as client:
        answers = [
            *[await client.post("/ask", json={"question": one}) for one in questions],
            await client.post("/search", json={"query": questions[0], "limit": 50}),
            *[await client.get("/get", params={"document": one}) for one in ids],
        ]
    return [json.dumps({**answer.json(), "question": ""}) for answer in answers]


async def _by_mcp(reader: Reader, questions: Sequence[str], ids: Sequence[str]) -> list[str]:
    async with Client(mcp_server(reader)) as client:
        answers = [
            *[await client.call_tool("ask", {"question": one}) for one in questions],
            await client.call_tool("search", {"query": questions[0], "limit": 50}),
            *[await client.call_tool("get", {"document": one}) for one in ids],
        ]
    return [json.dumps({**(one.structured_content or {}), "question": ""}) for one in answers]


def _seen(beside: Beside, guild_id: int | None, ids: dict[str, str]) -> tuple[set[str], set[str]]:
    """The markers in all answers to a program that asks for everything, by HTTP and by MCP."""
    questions = ["When does the quokka enclosure open?"]
    questions += [f"When does the quokka enclosure of {one} open?" for one in ids]
    documents = list(ids.values())
    reader = Reader(beside.worker, guild_id)

    async def both() -> tuple[list[str], list[str]]:
        http = await _by_http(reader, questions, documents)
        return http, await _by_mcp(reader, questions, documents)

    http, mcp = asyncio.run(both())
    return _markers(http), _markers(mcp)


def _markers(texts: Sequence[str]) -> set[str]:
    return {marker for text in texts for marker in MARKER.findall(text)}


PLACES = st.lists(st.tuples(st.sampled_from(SCOPES), st.booleans()), max_size=5)

NOTES = st.lists(
    st.builds(
        Note, st.sampled_from([HERE, ELSEWHERE]), st.sampled_from(Fate), st.sampled_from(End)
    ),
    max_size=3,
)


@pytest.mark.slow
@given(PLACES, NOTES)
@settings(max_examples=10)
def test_a_program_sees_exactly_the_live_documents_of_its_scopes(
    beside: Beside, places: list[tuple[Scope, bool]], notes: list[Note]
) -> None:
    scopes, staying = [scope for scope, _ in places], [stays for _, stays in places]
    files = beside.files(scopes, [True] * len(places))
    proposed = [(note, *beside.propose(note)) for note in notes]
    ids = {marker: public_id(f"file:/{marker}.md") for marker in files}
    ids |= {marker: _note_document(beside, note, revision) for note, marker, revision in proposed}
    live = {marker: note.guild_id for note, marker, _ in proposed if note.fate is Fate.LIVE}
    _check(beside, files, live, ids)

    files = beside.files(scopes, staying)
    for note, _, revision in proposed:
        beside.end(note, revision)
    live = {
        marker: note.guild_id
        for note, marker, _ in proposed
        if note.fate is Fate.LIVE and note.end is End.STAYS
    }
    _check(beside, files, live, ids)

    for note, _, revision in proposed:
        note_service.withdraw(beside.bot, note.guild_id, revision, MIRA.id)


def _note_document(beside: Beside, note: Note, revision: int) -> str:
    found = beside.bot.store.notes.find(revision, note.guild_id)
    assert found is not None
    return f"note:{found.id}"


def _check(
    beside: Beside, files: dict[str, Scope], live: dict[str, int], ids: dict[str, str]
) -> None:
    """Check that each program sees exactly its files and live notes, by HTTP and by MCP."""
    for guild_id in CALLERS:
        mine = {marker for marker, scope in files.items() if scope in (SHARED, _scope(guild_id))}
        mine |= {marker for marker, guild in live.items() if guild == guild_id}
        by_http, by_mcp = _seen(beside, guild_id, ids)
        assert by_http == mine
        assert by_mcp == mine


def _scope(guild_id: int | None) -> Scope:
    return SHARED if guild_id is None else Scope(guild_id)


@pytest.mark.parametrize(
    "document_id",
    [
        "file:/srv/community/faq.md",
        "file:/srv/export.zip:inner/faq.md",
        "git:file:///srv/handbook@main:docs/faq.md",
        "git:7:file:///srv/handbook:docs/faq.md",
        "git:/srv/handbook:docs/faq.md",
    ],
)
def test_an_id_with_a_local_path_is_shown_as_digest(document_id: str) -> None:
    assert "srv" not in public_id(document_id)
    assert "/" not in public_id(document_id)
    assert public_id(document_id).split(":")[0] == document_id.split(":")[0]


@pytest.mark.parametrize(
    "document_id",
    [
        "note:7",
        "article:what-is-open-source-ai",
        "page:https://example.org/file:/faq",
        "git:https://example.org/handbook@main:docs/faq.md",
    ],
)
def test_any_other_id_is_shown_as_it_is(document_id: str) -> None:
    assert public_id(document_id) == document_id


def test_a_digest_finds_what_a_path_does_not(settings: Settings) -> None:
    with filled(settings) as core:
        assert document_id_of(core, shown("shared"), [SHARED]) == "file:/shared.md"
        assert document_id_of(core, shown("here"), [SHARED]) == ""
        assert document_id_of(core, shown("here"), [SHARED, Scope(HERE)]) != ""
        assert document_id_of(core, "file:/shared.md", [SHARED]) == ""
        assert document_id_of(core, "note:7", [SHARED]) == "note:7"

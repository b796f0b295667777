"""Identifiers of errors in a question, and in the lines of a log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.index_updates import run_to_end
from bot.storage.data_folder import open_index
from indexer.ingest.pipeline import update
from indexer.retrieval.error_identifiers import (
    LOG_MARK,
    error_identifiers,
    lacks_identifier,
    log_lines,
)
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.questions import Evidence
from tests.fakes import WordEmbedder

DOCUMENTS = {
    "program": "If it ends with `status=203/EXEC`, the program isn't there.",
    "folder": "If it ends with `status=200/CHDIR`, the working directory isn't there.",
    "process": "The main process exited, says the log of the service: exited is no error.",
}
LINE = "Main process exited, code=exited, status="


@pytest.fixture
def retriever(tmp_path: Path) -> Iterator[Retriever]:
    embedder = WordEmbedder(512)
    with open_index(tmp_path, embedder) as index:
        documents = [
            Document(f"file:{name}", SHARED, Kind.FILE, name.title(), text)
            for name, text in DOCUMENTS.items()
        ]
        run_to_end(update(index, embedder, documents))
        yield Retriever(index, embedder)


@pytest.mark.parametrize(
    ("status", "first"), [("203/EXEC", "file:program"), ("200/CHDIR", "file:folder")]
)
def test_logs_identifier_leads_the_order(retriever: Retriever, status: str, first: str) -> None:
    question = f"it stops\n{LOG_MARK}{LINE}{status}"
    [hits] = retriever.hits([question], [SHARED])
    assert hits[0].passage.document_id == first
    assert hits[0].score > hits[1].score


def test_without_its_identifier_a_log_is_never_sure(retriever: Retriever) -> None:
    text = DOCUMENTS["process"]
    for question, sure in ((text, True), (f"{LOG_MARK}{text} status=217/USER", False)):
        [hits] = retriever.hits([question], [SHARED])
        assert hits[0].passage.document_id == "file:process"
        assert (retriever.evidence(question, hits) is Evidence.STRONG) is sure


@pytest.mark.parametrize(
    ("text", "identifiers"),
    [
        ("Disconnected: multiplayer.disconnect.not_whitelisted", {
            "multiplayer.disconnect.not_whitelisted"
        }),
        ("error[E0599]: no method named `copied` found", {"e0599"}),
        ("ModuleNotFoundError: No module named 'aiohttp'", {"no module named aiohttp"}),
        ("the backend said HTTP 502", {"http 502"}),
        ("status code: 403", {"http 403"}),
        ("502 Bad Gateway", {"http 502"}),
        ("exited with code 137", {"exit 137"}),
        ("status=203/EXEC", {"exit 203"}),
        ("connect ECONNREFUSED", {"econnrefused"}),
        ("java.lang.OutOfMemoryError: Metaspace", {
            "java.lang.outofmemoryerror", "outofmemoryerror"
        }),
        ("ValueError: it is wrong", set()),
        ("The page has 404 readers and 12 rooms.", set()),
    ],
)  # fmt: skip
def test_identifiers_have_one_form(text: str, identifiers: set[str]) -> None:
    assert error_identifiers(text) == identifiers


@pytest.mark.parametrize(
    ("question", "passage", "lacking"),
    [
        (f"help\n{LOG_MARK}error[E0599]: no method", "E0599 means a missing method.", False),
        (f"help\n{LOG_MARK}error[E0599]: no method", "E0382 means a moved value.", True),
        (f"help\n{LOG_MARK}it failed", "It failed, so start it again.", True),
        ("error[E0599]: no method", "E0382 means a moved value.", False),
    ],
)
def test_passage_lacks_a_logs_identifiers(question: str, passage: str, lacking: bool) -> None:
    assert lacks_identifier(question, passage) is lacking


def test_lines_of_a_log_are_those_with_its_mark() -> None:
    assert log_lines(f"why?\n{LOG_MARK}first\n{LOG_MARK}second") == "first\nsecond"
    assert log_lines("why?") == ""

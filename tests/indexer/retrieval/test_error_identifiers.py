"""Identifiers of errors in a question, and in the lines of a log."""

import pytest

from indexer.retrieval.error_identifiers import (
    LOG_MARK,
    error_identifiers,
    lacks_identifier,
    log_lines,
)


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
def test_passage_lacks_every_identifier_of_a_log(
    question: str, passage: str, lacking: bool
) -> None:
    assert lacks_identifier(question, passage) is lacking


def test_lines_of_a_log_are_those_with_its_mark() -> None:
    assert log_lines(f"why?\n{LOG_MARK}first\n{LOG_MARK}second") == "first\nsecond"
    assert log_lines("why?") == ""

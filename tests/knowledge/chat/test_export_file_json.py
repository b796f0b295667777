"""Chat exports as JSON: damage, odd values, and each of ijson's backends."""

import contextlib
from pathlib import Path

import ijson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from knowledge.chat import export_file
from knowledge.chat.export_file import channel_of, export_documents, on_disk
from knowledge.files.parsed_file import UnreadableError
from knowledge.store.erasure.quote_opt_outs import Withheld
from tests.knowledge.chat.exports import read, written
from tests.knowledge.exporting import (
    ASKER,
    HELPER,
    SOLVED,
    as_json,
    export,
    message,
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"guild": {}, "channel": {}, "messages": 5}', "no list of messages"),
        (b'{"guild": {"id": "1"}, "channel": {"messages": "', "beginning is not valid JSON"),
        (b'{"guild": {"id": "1"}, "channel": {"messages": [' + b"[" * 100, "nested more than"),
        (as_json(export([]))[:-26] + b"[" * 200_000, "nested more than"),
        (b'{"guild": {"id": "\xff"}, "channel": {"messages": 1}}', "beginning is not valid"),
    ],
)
def test_a_file_that_only_begins_like_an_export_is_refused(
    path: Path, content: bytes, reason: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=reason):
        read(path)


def test_a_message_without_end_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_file, "MESSAGE_BYTES", 200_000)
    written(path, [message(0, ASKER, "x", reactions=["y" * 1_000] * 1_000)])
    with pytest.raises(UnreadableError, match="has a message of more than"):
        read(path)


def test_a_text_without_end_is_refused_before_its_end(path: Path) -> None:
    written(path, [message(0, ASKER, "\u2028" * 1_000_000)])
    with pytest.raises(UnreadableError, match=r"has a text of more than 1.2 MB"):
        read(path)


@pytest.mark.parametrize(
    "odd",
    [
        5,
        None,
        [],
        {},
        {"type": "Default"},
        message(1, HELPER, "x", content=7, author="Ada"),
        message(1, HELPER, "x", id=[], timestamp=3),
        message(1, HELPER, "x", id="9" * 30, timestamp="yesterday"),
        message(1, HELPER, "x", timestamp="2026-03-01T12:01:00"),
        message(1, HELPER, "x", timestamp="9999-12-31T23:59:59-23:00"),
        message(1, HELPER, "x", reactions={"a": 1}, mentions="x", attachments=[1], reference=2),
        message(1, HELPER, "x", reactions=[{"emoji": {"name": 1}, "count": "many", "users": 3}]),
    ],
)
def test_an_odd_message_costs_nothing_but_itself(path: Path, odd: object) -> None:
    [made] = read(written(path, [SOLVED[0], odd, *SOLVED[2:]]))
    assert made.contributor == "Ada"


@pytest.mark.parametrize("number", [str(1 << 63), "9" * 20])
def test_an_id_that_no_database_holds_is_none(path: Path, number: str) -> None:
    """A guild's id of 64 bits once stopped all indexing with an OverflowError, at every start."""
    path.write_bytes(as_json({**export(SOLVED), "guild": {"id": number, "name": "G"}}))
    assert channel_of(on_disk(path)).guild_id == 0


def test_a_text_longer_than_any_message_is_refused(path: Path) -> None:
    path.write_bytes(as_json(export([message(1, ASKER, "a " * 60_000)])))
    with pytest.raises(UnreadableError, match="has a text of 120,000 characters: it is no export"):
        list(export_documents(on_disk(path), "id"))


def test_an_id_tells_the_time_where_the_timestamp_does_not(path: Path) -> None:
    raw = message(0, ASKER, "x", id=str(175928847299117063), timestamp=None)
    channel = channel_of(on_disk(written(path, [])))
    made = export_file.json_message(raw, channel, Withheld())
    assert made is not None
    assert made.at.isoformat(timespec="seconds") == "2016-04-30T11:18:25+00:00"


def _importable(backend: str) -> bool:
    try:
        ijson.get_backend(backend)
    except ImportError:
        return False
    return True


BACKENDS = [name for name in ("yajl2_c", "yajl2_cffi", "yajl2", "python") if _importable(name)]


def _use(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ijson, "basic_parse", ijson.get_backend(backend).basic_parse)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 4_000), byte=st.binary(min_size=0, max_size=3))
@example(place=26, byte=b"\xc0\x80")
@example(place=132, byte=b"\xc0\x80")
@example(place=26, byte=b"\\q")
def test_no_damage_ends_in_anything_but_a_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, place: int, byte: bytes
) -> None:
    _use(backend, monkeypatch)
    content = as_json(export(SOLVED))
    path.write_bytes(content[:place] + byte + content[place + 1 :])
    with contextlib.suppress(UnreadableError):
        read(path)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "value", [b'"\xc0\x80"', b'"\\q"', b'"\n"', b'"' + b"9" * 5_000 + b'"', b"9" * 5_000, b"1e999"]
)
@pytest.mark.parametrize("field", [b'"Mira"', b'"Harbour"'])
def test_a_value_that_is_no_string_costs_a_sentence_at_most(
    path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, value: bytes, field: bytes
) -> None:
    _use(backend, monkeypatch)
    content = as_json(export(SOLVED))
    assert field in content
    path.write_bytes(content.replace(field, value))
    with contextlib.suppress(UnreadableError):
        read(path)


@pytest.mark.parametrize("backend", BACKENDS)
def test_half_of_a_surrogate_pair_is_a_question_mark(
    path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    _use(backend, monkeypatch)
    path.write_bytes(as_json(export(SOLVED)).replace(b"Ada", b"A\\ud800da"))
    [made] = read(path)
    assert made.contributor == "A?da"

import contextlib
from pathlib import Path
from typing import Any, Final

import ijson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from knowledge.chat import export_file
from knowledge.chat.export_file import Count, channel_of, export_documents, on_disk
from knowledge.files.parsed_file import UnreadableError
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.values.documents import SHARED, Document, Scope
from tests.knowledge.exporting import (
    ASKER,
    CHANNEL_ID,
    GUILD_ID,
    HELPER,
    PASSER,
    SOLVED,
    TEXT,
    as_json,
    export,
    message,
    reaction,
    reply,
    user,
)

# The id of an export's source.
FILE: Final = "file:/export"


def read(path: Path, scope: Scope = SHARED, withheld: Withheld | None = None) -> list[Document]:
    found = export_documents(on_disk(path), FILE, scope, withheld or Withheld())
    return [made for made in found if made is not None]


def written(path: Path, messages: list[Any], **channel: Any) -> Path:
    path.write_bytes(as_json(export(messages, **channel)))
    return path


LINK = f"https://discord.com/channels/{GUILD_ID}/{CHANNEL_ID}"


def test_a_help_thread_is_one_document_of_its_own_guild(path: Path) -> None:
    [made] = read(written(path, SOLVED))
    assert made.scope == Scope(GUILD_ID)
    assert made.title == "Password reset mail never arrives"
    assert made.link == f"{LINK}/{CHANNEL_ID}"
    assert made.contributor == "Ada"
    question, answer, replies = (made.text.index(word) for word in ("What can", "Mail to", "Try"))
    assert question < answer < replies
    assert f"[Bo]({LINK}/{CHANNEL_ID + 2})" in made.text
    assert "Joined" not in made.text
    assert "worked" not in made.text


def test_a_scope_that_was_given_comes_before_the_exports_guild(path: Path) -> None:
    [made] = read(written(path, SOLVED), Scope(5))
    assert made.scope == Scope(5)


def test_an_ordinary_channel_gives_its_answered_questions_only(path: Path) -> None:
    talk = [
        message(0, ASKER, "gm"),
        message(1, HELPER, "I was at the lake yesterday, it was lovely."),
        message(100, ASKER, "How do I change the colour of a role?"),
        message(101, HELPER, "In the settings of the server, under Roles."),
        message(200, PASSER, "Where can I see who joined last week?"),
    ]
    count = Count()
    written(path, talk, type="GuildTextChat", name="general")
    [made] = filter(None, export_documents(on_disk(path), FILE, count=count))
    assert made.title == "How do I change the colour of a role?"
    assert made.id == f"{FILE}!/{CHANNEL_ID}:{CHANNEL_ID + 100}"
    assert count == Count(messages=5, documents=1)


def test_a_check_mark_by_the_asker_marks_the_answer(path: Path) -> None:
    checked = message(2, PASSER, "Look into the spam folder.", reactions=[reaction("✅", ASKER)])
    [made] = read(written(path, [SOLVED[0], SOLVED[3], checked]))
    assert made.contributor == "Bo"


def test_members_who_opted_out_are_neither_quoted_nor_named(path: Path) -> None:
    thread = [
        SOLVED[0],
        message(2, PASSER, "Try another browser first."),
        message(3, HELPER, "As @Bo said, or <@1003>.", mentions=[user(PASSER)]),
        reply(4, HELPER, "Mail is held back: ask again under Security.", 0),
    ]
    [made] = read(written(path, thread), withheld=Withheld(member_ids={PASSER}))
    assert "browser" not in made.text
    assert "Bo" not in made.text
    assert "As @someone said, or @someone." in made.text
    assert read(path, withheld=Withheld(member_ids={ASKER})) == []


def test_mentions_are_names_and_attachments_are_told(path: Path) -> None:
    raw = message(
        3,
        HELPER,
        f"<@{ASKER}> look into <#{CHANNEL_ID}>, @everyone else does not need to",
        mentions=[user(ASKER)],
        attachments=[{"id": "1", "url": "https://cdn.discordapp.com/x?ex=1", "fileName": "a.png"}],
    )
    [made] = read(written(path, [SOLVED[0], raw]))
    assert (
        "@Mira look into #Password reset mail never arrives, everyone else does not need to\n"
        "(attached: a.png)"
    ) in made.text
    assert "cdn.discordapp" not in made.text


def test_later_part_of_a_thread_has_its_own_topic(path: Path) -> None:
    later = path.with_name(path.stem + " [part 2].json")
    assert len(read(written(path, SOLVED[2:]))) == 1
    assert read(written(later, SOLVED[2:])) == []
    assert len(read(written(later, SOLVED))) == 1


@pytest.mark.parametrize("kind", ["GuildPrivateThread", "DirectTextChat", "DirectGroupTextChat"])
def test_what_was_not_for_everyone_is_refused(path: Path, kind: str) -> None:
    with pytest.raises(UnreadableError, match="private thread or a direct message"):
        read(written(path, SOLVED, type=kind))


def test_a_channel_exported_newest_first_says_what_to_do(path: Path) -> None:
    days = [
        message(0, ASKER, "x", timestamp=f"2026-03-{day:02d}T00:00:00+00:00") for day in (9, 5, 1)
    ]
    with pytest.raises(UnreadableError, match="export it again without --reverse"):
        read(written(path, days, type="GuildTextChat"))


def test_content_before_the_damage_is_given(path: Path) -> None:
    question = message(100, ASKER, "How do I change the colour of a role?")
    answer = message(101, HELPER, "In the settings of the server, under Roles.")
    later = [
        message(n, PASSER, "x", timestamp="2026-03-09T00:00:00+00:00") for n in range(102, 110)
    ]
    whole = as_json(export([question, answer, *later], type="GuildTextChat"))
    path.write_bytes(whole[:-900])
    found = filter(None, export_documents(on_disk(path), FILE))
    assert next(found).title == "How do I change the colour of a role?"
    with pytest.raises(UnreadableError, match="cut off or damaged after 8 messages"):
        next(found)


@pytest.mark.parametrize(
    "content", [b"AuthorID,Author,Date,Content,Attachments,Reactions\n", TEXT.encode()]
)
def test_other_export_formats_are_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match="export the channel as JSON"):
        read(path)


@pytest.mark.parametrize("thread", [True, False])
def test_a_file_without_messages_is_read_in_steps(path: Path, thread: bool) -> None:
    """Others' questions wait for one step, whatever is in a file instead of messages."""
    written(path, [1] * 1_000_000, type="GuildPublicThread" if thread else "GuildTextChat")
    steps = list(export_documents(on_disk(path), FILE, Scope(GUILD_ID)))
    assert len(steps) >= path.stat().st_size // 1_000_000
    assert not any(steps)


# JSON: damage, odd values, and each of ijson's backends.


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
def test_half_an_export_is_refused(path: Path, content: bytes, reason: str) -> None:
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
def test_half_a_surrogate_is_a_question_mark(
    path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    _use(backend, monkeypatch)
    path.write_bytes(as_json(export(SOLVED)).replace(b"Ada", b"A\\ud800da"))
    [made] = read(path)
    assert made.contributor == "A?da"

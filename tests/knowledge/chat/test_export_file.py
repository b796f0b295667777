"""Chat exports as documents of their own guild."""

from pathlib import Path

import pytest

from knowledge.chat.export_file import Count, export_documents, on_disk
from knowledge.files.parsed_file import UnreadableError
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.values.documents import Scope
from tests.knowledge.chat.exports import FILE, read, written
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


def test_a_later_part_of_a_thread_is_not_about_its_first_message(path: Path) -> None:
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


def test_what_stands_before_the_damage_is_given_and_the_damage_named(path: Path) -> None:
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
def test_other_formats_of_the_exporter_are_refused_with_the_one_to_use(
    path: Path, content: bytes
) -> None:
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

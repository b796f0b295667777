"""Attached files: another process refuses hostile ones, and nobody waits but who sent them."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from bot.interactions.attachments import Attachments
from knowledge.files import reader
from knowledge.files.sandbox import Sandbox
from knowledge.values.submissions import InvalidNoteError
from tests.knowledge.made_files import pdf, zipped
from tests.processes import suspend

MEMBER, OTHER = 1, 2
BOMB = "---\na: &a0 [lol]\n" + "".join(
    f"b{n}:\n- &a{n + 1}\n- [{','.join([f'{chr(0xFEFF)}*a{n}'] * 9)}]\n" for n in range(7)
)
HOSTILE = {
    "aliases behind a byte-order mark": ("a.md", f"{BOMB}---\nText.".encode()),
    "JSON without end": ("a.json", b"[" + b"{}," * 400_000 + b"{}]"),
    "rubbish as UTF-16": ("a.md", b"\xff\xfe\x01\x00A\x00"),
    "a torn PDF": ("a.pdf", pdf(["Words."])[:200]),
}


class Attached:
    """A file as Discord gives it."""

    def __init__(self, filename: str, content: bytes) -> None:
        self.filename = filename
        self.size = len(content)
        self._content = content

    async def read(self) -> bytes:
        return self._content


@pytest.fixture
def attachments(monkeypatch: pytest.MonkeyPatch) -> Iterator[Attachments]:
    monkeypatch.setattr(reader, "sandbox", Sandbox())
    made = Attachments()
    yield made
    made.close()
    reader.sandbox.close()


def read(attachments: Attachments, name: str, content: bytes, member_id: int = MEMBER) -> Any:
    return asyncio.ensure_future(attachments.read(Attached(name, content), member_id))  # type: ignore[arg-type]


@asynccontextmanager
async def stopped(attachments: Attachments) -> AsyncIterator[None]:
    """While the process that reads stands still."""
    await read(attachments, "a.md", b"Text.")
    with _stopped_process():
        yield


@contextmanager
def _stopped_process() -> Iterator[None]:
    process = reader.sandbox._process
    assert process is not None
    suspend(process.pid)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", sorted(HOSTILE))
async def test_the_loop_goes_on_while_another_process_refuses_a_hostile_file(
    attachments: Attachments, kind: str
) -> None:
    async with stopped(attachments):
        reading = read(attachments, *HOSTILE[kind])
        for _ in range(1_000):
            await asyncio.sleep(0)
        assert not reading.done()
    with pytest.raises(InvalidNoteError) as refused:
        await reading
    assert str(refused.value).startswith(f"{HOSTILE[kind][0]} ")
    assert str(refused.value).endswith(".")


async def test_a_zip_that_is_refused_leaves_no_thread(attachments: Attachments) -> None:
    await read(attachments, "a.md", b"Text.")
    before = set(threading.enumerate())
    pages: dict[str, str | bytes] = {f"{n}.html": f"<!doctype html><p>{n}" for n in range(600)}
    with pytest.raises(InvalidNoteError, match=r"a\.zip is a zip of 600 files: take one of them\."):
        await read(attachments, "a.zip", zipped(pages))
    assert set(threading.enumerate()) <= before


async def test_the_third_file_that_would_wait_is_told_that_the_others_come_first(
    attachments: Attachments,
) -> None:
    async with stopped(attachments):
        taken = [read(attachments, "a.md", b"Text.") for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(InvalidNoteError, match="still reading other files of yours"):
            await read(attachments, "a.md", b"Text.")
        taken.append(read(attachments, "b.md", b"Theirs.", OTHER))
    assert [(await each).text for each in taken] == ["Text."] * 3 + ["Theirs."]
    assert (await read(attachments, "a.md", b"Text.")).text == "Text."
    assert not attachments._turns


async def test_members_take_turns(attachments: Attachments) -> None:
    async with stopped(attachments):
        done: list[str] = []
        taken = []
        for name, member in (("1", MEMBER), ("2", MEMBER), ("3", MEMBER), ("a", OTHER)):
            taken.append(read(attachments, f"{name}.md", b"Text.", member))
            taken[-1].add_done_callback(lambda _, name=name: done.append(name))
            await asyncio.sleep(0)
    await asyncio.gather(*taken)
    assert done == ["1", "a", "2", "3"]

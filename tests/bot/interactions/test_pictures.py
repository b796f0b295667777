"""Pictures in Discord: which attachments are meant as some, and files that are sent once more."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.interactions.pictures import AT_ONCE, PictureTexts, is_picture, picture_files
from bot.interactions.services import PictureText
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.picture_text import TextLine
from knowledge.files.pictures import RECOGNIZED_BYTES
from knowledge.values.notes import PICTURES
from tests.knowledge.full_store import picture


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a.PNG", None, True),
        ("photo", "image/jpeg", True),
        ("a.svg", "image/svg+xml", True),
        ("a.md", "text/markdown", False),
        ("png", None, False),
    ],
)
def test_pictures_are_told_by_type_or_name(name: str, kind: str | None, expected: bool) -> None:
    attachment: Any = SimpleNamespace(filename=name, content_type=kind)

    assert is_picture(attachment) is expected


def test_a_repeated_picture_is_sent_whole() -> None:
    [file] = picture_files([picture()])
    assert file.fp.read() == picture().content

    # discord.py's first attempt to send, after one that was ours.
    file.reset(seek=0)

    assert file.fp.read() == picture().content


def test_pictures_are_called_by_their_number_and_kind() -> None:
    files = picture_files([picture(1), picture(2)])

    assert [file.filename for file in files] == ["picture-1.png", "picture-2.png"]


class Attachment:
    """An attached file, and how often it was fetched."""

    def __init__(self, content: bytes, name: str = "a.png", size: int | None = None) -> None:
        self.content, self.filename = content, name
        self.size = len(content) if size is None else size
        self.content_type: str | None = None
        self.fetched = 0

    async def read(self) -> bytes:
        self.fetched += 1
        return self.content


def recognized(content: bytes) -> "Future[list[TextLine]]":
    """Each word of the content as a line; it is unreadable if it says so."""
    future: Future[list[TextLine]] = Future()
    if b"unreadable" in content:
        future.set_exception(UnreadableError("is no picture."))
    else:
        future.set_result([TextLine(word, 0.9) for word in content.decode().split()])
    return future


def given(*attachments: Attachment) -> list[discord.Attachment]:
    return cast("list[discord.Attachment]", list(attachments))


async def test_only_texts_of_the_first_pictures_are_read() -> None:
    texts = PictureTexts(is_on=True, recognize=recognized)
    pictures = [Attachment(f"line-{number}".encode()) for number in range(PICTURES + 2)]
    pictures[1] = Attachment(b"unreadable")
    others = [Attachment(b"notes", "notes.md"), Attachment(b"big", size=RECOGNIZED_BYTES + 1)]
    assert await texts.among(given(*others, *pictures), 1) == "line-0\nline-2\nline-3"
    assert [picture.fetched for picture in others] == [0, 0]
    assert [picture.fetched for picture in pictures] == [1] * PICTURES + [0] * 2


async def test_nothing_is_fetched_where_it_is_switched_off() -> None:
    picture = Attachment(b"line")
    assert await PictureTexts(is_on=False, recognize=recognized).among(given(picture), 1) == ""
    assert picture.fetched == 0


async def test_what_can_not_be_fetched_is_gone_without() -> None:
    class Gone(Attachment):
        async def read(self) -> bytes:
            raise discord.NotFound(cast("Any", type("R", (), {"status": 404, "reason": ""})), "")

    assert await PictureTexts(is_on=True, recognize=recognized).among(given(Gone(b"x")), 1) == ""


@pytest.fixture
def waiting() -> list["Future[list[TextLine]]"]:
    return []


@pytest.fixture
def slowly(waiting: list["Future[list[TextLine]]"]) -> Callable[[bytes], "Future[list[TextLine]]"]:
    """Recognizes when the test says so."""

    def recognize(_: bytes) -> "Future[list[TextLine]]":
        waiting.append(Future())
        return waiting[-1]

    return recognize


async def _turns() -> None:
    """Let the tasks that were made begin."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_few_messages_are_read_one_of_a_member(
    waiting: list["Future[list[TextLine]]"],
    slowly: Callable[[bytes], "Future[list[TextLine]]"],
) -> None:
    texts = PictureTexts(is_on=True, recognize=slowly)
    tasks = [asyncio.create_task(texts.of([b"x"], member)) for member in range(AT_ONCE)]
    await _turns()
    assert await texts.of([b"x"], 0) == PictureText(is_whole=False)
    assert await texts.of([b"x"], AT_ONCE) == PictureText(is_whole=False)
    for future in waiting:
        future.set_result([TextLine("read", 1.0)])
    assert await asyncio.gather(*tasks) == [PictureText("read")] * AT_ONCE
    again = asyncio.create_task(texts.of([b"x"], 0))
    await _turns()
    waiting[-1].set_result([])
    assert await again == PictureText()


async def test_fetches_keep_to_the_reading_limit() -> None:
    go_on = asyncio.Event()

    class Slow(Attachment):
        async def read(self) -> bytes:
            await super().read()
            await go_on.wait()
            return self.content

    texts = PictureTexts(is_on=True, recognize=recognized)
    pictures = [Slow(b"line") for _ in range(AT_ONCE + 3)]
    tasks = [
        asyncio.create_task(texts.among(given(picture), member))
        for member, picture in enumerate(pictures)
    ]
    await _turns()
    assert sum(picture.fetched for picture in pictures) == AT_ONCE
    go_on.set()
    assert await asyncio.gather(*tasks) == ["line"] * AT_ONCE + [""] * 3


async def test_members_with_many_and_few_pictures_take_turns(
    waiting: list["Future[list[TextLine]]"],
    slowly: Callable[[bytes], "Future[list[TextLine]]"],
) -> None:
    texts = PictureTexts(is_on=True, recognize=slowly)
    many = asyncio.create_task(texts.of([b"a", b"b", b"c"], 1))
    one = asyncio.create_task(texts.of([b"d"], 2))
    await _turns()
    assert len(waiting) == 2
    waiting[1].set_result([TextLine("read", 1.0)])
    assert (await one).text == "read"
    assert not waiting[0].done()
    for place, word in ((0, "a"), (2, "b"), (3, "c")):
        waiting[place].set_result([TextLine(word, 1.0)])
        await _turns()
    assert await many == PictureText("a\nb\nc")


async def test_what_was_read_in_time_is_kept() -> None:
    def recognize(content: bytes) -> "Future[list[TextLine]]":
        return recognized(content) if content == b"first" else Future()

    texts = PictureTexts(is_on=True, recognize=recognize, seconds=0.05)
    assert await texts.of([b"first", b"never"], 1) == PictureText("first", is_whole=False)


async def test_what_takes_too_long_is_given_up(
    waiting: list["Future[list[TextLine]]"],
    slowly: Callable[[bytes], "Future[list[TextLine]]"],
) -> None:
    texts = PictureTexts(is_on=True, recognize=slowly, seconds=0.01)
    assert await texts.of([b"x", b"y"], 1) == PictureText(is_whole=False)
    assert all(future.cancelled() for future in waiting)


async def test_an_unreadable_pictures_text_is_partial() -> None:
    texts = PictureTexts(is_on=True, recognize=recognized)
    read = await texts.of([b"first", b"unreadable", b"last"], 1)
    assert read == PictureText("first\nlast", is_whole=False)


async def test_nothing_is_missing_where_no_text_is_wanted() -> None:
    assert await PictureTexts(is_on=False, recognize=recognized).of([b"x"], 1) == PictureText()

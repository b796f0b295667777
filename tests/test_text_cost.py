"""No foreign text holds the bot: each entrance with pumped texts, as they come from outside.

The size that is pumped, and how many fragments each entrance meets, depend on the tier. A text that
looks dear is pumped up to the limit of its entrance in both.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.entrances import entrances
from tests.fakes import WordEmbedder
from tests.pumped_texts import FRAGMENTS
from tests.pumping import Dear, Entrance, dear

QUICK_CHARACTERS: Final = 16_000
THOROUGH_CHARACTERS: Final = 64_000
# Each entrance meets every so many-th fragment, others than the entrance before it.
STEP: Final = 40
# Held the interpreter for minutes once.
ONCE: Final = ("\u0323\u0301", ">", "[a](b ", "<code>http://", ".", "# \u27e8\u0323\u0301\u27e9")


def _dear_texts(folder: Path, characters: int, step: int, first: tuple[str, ...]) -> list[Dear]:
    found = []
    with entrances(folder, WordEmbedder(64)) as all_entrances:
        for place, entrance in enumerate(all_entrances):
            fragments = (*first, *FRAGMENTS[place % step :: step])
            found += [dear(entrance, fragment, characters) for fragment in fragments]
    return [text for text in found if text is not None]


def test_no_pumped_text_is_a_job_of_a_second(tmp_path: Path) -> None:
    assert _dear_texts(tmp_path, QUICK_CHARACTERS, STEP, ONCE) == []


@pytest.mark.slow
def test_no_longer_pumped_text_is_a_job_of_a_second(tmp_path: Path) -> None:
    assert _dear_texts(tmp_path, THOROUGH_CHARACTERS, len(FRAGMENTS), ONCE) == []


def test_each_entrance_reads_plain_words_to_their_end(tmp_path: Path) -> None:
    """Otherwise hostile words would be refused at the door, and show nothing."""
    embedder = WordEmbedder(64)
    unread = []
    with entrances(tmp_path, embedder) as all_entrances:
        for entrance in all_entrances:
            embedder.calls.clear()
            for _ in entrance.jobs("The lighthouse keeper waits until nine. " * 20):
                pass
            if not any("lighthouse keeper waits" in text for text in embedder.texts):
                unread.append(entrance.name)
    # The one repeats a page's number, the other is read into the community database only.
    assert unread == ["MediaWiki's list", "archive"]


def _spin(text: str, *, power: float) -> Iterator[None]:
    for _ in range(int((len(text) / 1_000) ** power)):
        sum(range(5_000))
    yield


@pytest.mark.parametrize(("power", "is_dear"), [(1, False), (2, True), (3, True)])
def test_a_job_that_grows_too_fast_is_found(power: float, is_dear: bool) -> None:
    entrance = Entrance("loop", 128_000, partial(_spin, power=power))
    found = dear(entrance, "a", QUICK_CHARACTERS, most=0.1)
    assert (found is not None) == is_dear

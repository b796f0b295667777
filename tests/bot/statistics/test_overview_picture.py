"""The picture of an overview has all words, or says that it hasn't, and is readable."""

import struct

import pytest

from bot.statistics import overview_picture as picture
from bot.statistics.overview_messages import panels
from knowledge.values.guilds import Language
from tests.bot.statistics.overviews import full, small

pytest.importorskip("matplotlib", reason="the picture needs the extra `plot`")


def drawn(text: str) -> bool:
    """Whether a picture has all words of a text."""
    png, whole = picture.draw(panels(full(text)), Language.ENGLISH)
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    # A phone's screen, and not much more.
    assert width == 900
    assert height < 2.5 * width
    return whole


@pytest.mark.parametrize("text", ["Für $5 und $6?", "Где?", "Thanks 🦘", "\\frac{1}{2}_^\n\x07"])
def test_words_in_the_letters_of_the_font_are_drawn_as_they_are(text: str) -> None:
    assert drawn(text)


@pytest.mark.parametrize("text", ["日本語で", "متى", "नमस्ते"])
def test_a_picture_without_some_letters_says_so(text: str) -> None:
    assert not drawn(text)


def test_a_small_overview_is_drawn() -> None:
    _, whole = picture.draw(panels(small()), Language.GERMAN)

    assert whole


def luminance(colour: str) -> float:
    """Relative luminance, by WCAG 2.2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_words_and_bars_stand_out_from_the_ground() -> None:
    ground = luminance(picture.GROUND) + 0.05

    for colour in (picture.INK, picture.FAINT):
        assert (luminance(colour) + 0.05) / ground >= 4.5
    for colour in picture.COLOURS.values():
        assert (luminance(colour) + 0.05) / ground >= 3

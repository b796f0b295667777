"""The picture of an overview is readable, and reports words that it lacks."""

import struct

import pytest

from bot.statistics import overview_picture as picture
from bot.statistics.overview import panels
from knowledge.values.guilds import Language
from tests.bot.spoken import english, said_in
from tests.bot.statistics.overviews import full, small

pytest.importorskip("matplotlib", reason="the picture needs the extra `plot`")


def test_a_full_overview_fits_a_phones_screen() -> None:
    png, _ = said_in(Language.GERMAN, picture.draw, panels(full("Für $5 und $6?")))

    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    assert width == 900
    assert height < 2.5 * width


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Für $5 und $6?", True),
        ("Где?", True),
        ("Thanks 🦘", True),
        ("\\frac{1}{2}_^\n\x07", True),
        ("日本語で", False),
        ("متى", False),
        ("नमस्ते", False),
    ],
)
def test_a_picture_reports_undrawable_words(text: str, whole: bool) -> None:
    assert english(picture.draw, panels(small(text))[1:])[1] is whole


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

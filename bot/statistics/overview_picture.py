"""Picture of the overview, drawn by matplotlib, an optional extra.

The picture is narrow, for phones. Its background is dark, so it looks the same in both of Discord's
themes. matplotlib is imported when the first picture is drawn.
"""

import importlib.util
import threading
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from bot.statistics.overview import PARTS, Panel, Part
from bot.text.markdown import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GROUND: Final = "#2b2d31"
INK: Final = "#f2f3f5"
FAINT: Final = "#b5bac1"
# Okabe and Ito's colours, lightened for the dark ground; they differ in lightness, too.
COLOURS: Final[Mapping[Part, str]] = {
    Part.ANSWERED: "#56b4e9",
    Part.PARTIAL: "#f0e442",
    Part.REFUSED: "#e8743b",
    Part.QUOTED: "#56b4e9",
    Part.UNHELPFUL: "#e8743b",
    Part.CORRECTED: "#f0e442",
}

# Inches and dots an inch: 900 dots, and letters of 8 dots when shown 350 wide on a phone.
_WIDTH: Final = 4.5
_DOTS: Final = 200
_FONT: Final = "DejaVu Sans"
_SMALL: Final = 7.5
_LARGE: Final = 9.0
_DAYS_HEIGHT: Final = 1.35
_ROW_HEIGHT: Final = 0.3
# Characters of the smaller font that fit the width.
_LINE_CHARACTERS: Final = 66
_VALUE_CHARACTERS: Final = 60
# Shares of a panel's width: the longest bar, and the start of values.
_BAR: Final = 0.25
_VALUE: Final = 0.27

# matplotlib isn't meant for several threads at once.
_ONE_AT_A_TIME: Final = threading.Lock()


def is_possible() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw(panels: Sequence[Panel]) -> tuple[bytes, bool]:
    """Draw panels below each other; return the PNG, and whether the font has all words."""
    with _ONE_AT_A_TIME:
        drawn = _render(panels)
        characters = _font_characters()
    words = (word for panel in panels for row in panel.rows for word in (row.label, row.value))
    return drawn, all(_is_whole(word, characters) for word in words)


def _render(panels: Sequence[Panel]) -> bytes:
    from matplotlib.figure import Figure

    heights = []
    for panel in panels:
        rows = len(panel.rows) + bool(panel.line)
        inner = _DAYS_HEIGHT if panel.daily else _ROW_HEIGHT * rows
        heights.append(_head_height(panel) + inner)
    figure = Figure(figsize=(_WIDTH, sum(heights)), dpi=_DOTS, facecolor=GROUND)
    characters, top = _font_characters(), sum(heights)
    for panel, height in zip(panels, heights, strict=True):
        # Places are shares of the figure, from its bottom.
        inner = height - _head_height(panel)
        bottom = (top - height + 0.12) / sum(heights)
        place = (0.035, bottom, 0.93, inner / sum(heights))
        axes = figure.add_axes(place, facecolor=GROUND)
        head = 1 + (_head_height(panel) - 0.3) / inner
        heading: dict[str, Any] = {"fontsize": _LARGE, "weight": "bold"}
        _write(axes, 0, head, panel.heading, transform=axes.transAxes, **heading)
        _legend(axes, 1 + 0.07 / inner, panel)
        (_days if panel.daily else _bars)(axes, panel, characters)
        top -= height
    drawn = BytesIO()
    figure.savefig(drawn, format="png", facecolor=GROUND)
    return drawn.getvalue()


def _head_height(panel: Panel) -> float:
    """Return the height of heading and legend, in inches."""
    return 0.36 + (0.18 if _legend_parts(panel) else 0)


def _legend_parts(panel: Panel) -> list[Part]:
    """The parts of a bar that a panel's legend explains; empty without a legend."""
    parts = list(panel.rows[0].parts)
    return parts if panel.daily or Part.UNHELPFUL in parts else []


def _legend(axes: "Axes", height: float, panel: Panel) -> None:
    place = 0.0
    for part in _legend_parts(panel):
        _write(axes, place, height, "■", color=COLOURS[part], transform=axes.transAxes)
        name = PARTS[part]()
        _write(axes, place + 0.03, height, name, color=FAINT, transform=axes.transAxes)
        place += 0.06 + 0.0165 * len(name)


def _days(axes: "Axes", panel: Panel, _: Iterable[int]) -> None:
    places = range(len(panel.rows))
    below = [0] * len(panel.rows)
    for part in panel.rows[0].parts:
        heights = [row.parts[part] for row in panel.rows]
        axes.bar(places, heights, 0.8, below, color=COLOURS[part])
        below = [start + height for start, height in zip(below, heights, strict=True)]
    axes.set(xlim=(-0.6, len(places) - 0.4), ylim=(0, max(*below, 1) * 1.05))
    weekly = places[-4::-7]
    axes.set_xticks(weekly, [panel.rows[place].label for place in weekly])
    axes.locator_params(axis="y", integer=True, nbins=4)
    axes.tick_params(colors=FAINT, labelsize=_SMALL, length=0, direction="in", pad=2)
    axes.grid(axis="y", color=FAINT, alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    # Room for the numbers, inside the place of the panel.
    box = axes.get_position()
    axes.set_position(
        (box.x0 + 0.05, box.y0 + box.height * 0.1, box.width - 0.05, box.height * 0.9)
    )


def _bars(axes: "Axes", panel: Panel, characters: frozenset[int]) -> None:
    """Draw each row as its label, with a bar and the value below it."""
    longest = max((sum(row.parts.values()) for row in panel.rows), default=1) or 1
    count = len(panel.rows) + bool(panel.line)
    axes.set(xlim=(0, 1), ylim=(count, 0))
    axes.axis("off")
    for place, row in enumerate(panel.rows):
        label = _drawable(f"{place + 1}. {row.label}", characters, _LINE_CHARACTERS)
        _write(axes, 0, place + 0.4, label)
        start = 0.0
        for part, number in row.parts.items():
            width = _BAR * number / longest
            axes.barh(place + 0.64, width, 0.22, start, color=COLOURS[part])
            start += width
        value = _drawable(row.value, characters, _VALUE_CHARACTERS)
        _write(axes, _VALUE, place + 0.76, value, color=FAINT, fontsize=_SMALL - 0.5)
    if panel.line:
        _write(axes, 0, count - 0.4, panel.line, color=FAINT)


def _write(axes: "Axes", x: float, y: float, words: str, **how: Any) -> None:
    """Write text literally, without formulas between `$` signs."""
    style: dict[str, Any] = {"color": INK, "fontsize": _SMALL, "fontfamily": _FONT} | how
    axes.text(x, y, words, va="baseline", parse_math=False, **style)


def _font_characters() -> frozenset[int]:
    """The characters that matplotlib's font has."""
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(_FONT)).get_charmap())


def _drawable(text: str, characters: frozenset[int], most: int) -> str:
    """Drop characters that can't be drawn, and shorten the text."""
    line = "".join(sign for sign in text if _is_drawable(sign, characters))
    return shorten(line if _is_whole(text, characters) else f"{line} …", most)


def _is_whole(text: str, characters: frozenset[int]) -> bool:
    """Whether all letters of a text can be drawn; pictograms may be left out."""
    return all(_is_drawable(sign, characters) or not sign.isalnum() for sign in text)


def _is_drawable(sign: str, characters: frozenset[int]) -> bool:
    """Whether matplotlib's font has a character, and the character isn't written right to left."""
    return ord(sign) in characters and unicodedata.bidirectional(sign) not in ("R", "AL")

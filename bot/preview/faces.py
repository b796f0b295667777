"""Avatars of the preview's people and of the bot, drawn as PNG images.

Faces of a few shapes, so that readers of a channel tell its people apart as in Discord.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final, NamedTuple

from PIL import Image, ImageDraw

SIZE: Final = 128
# Drawn larger and reduced, because Pillow draws edges without antialiasing.
_SCALE: Final = 4

_Shape = tuple[str, Sequence[int], str]


class _Face(NamedTuple):
    """Colours of a face, its hair behind the head, and what lies over it."""

    ground: str
    skin: str
    shirt: str
    behind: Sequence[_Shape]
    before: Sequence[_Shape]

    def shapes(self) -> list[_Shape]:
        ink = "#2b2118"
        return [
            *self.behind,
            ("ellipse", (22, 98, 106, 190), self.shirt),
            ("rectangle", (54, 82, 74, 104), self.skin),
            ("ellipse", (54, 96, 74, 112), self.skin),
            ("ellipse", (36, 28, 92, 94), self.skin),
            ("ellipse", (48, 58, 55, 66), ink),
            ("ellipse", (73, 58, 80, 66), ink),
            ("arc", (52, 62, 76, 82), ink),
            *self.before,
        ]


_FACES: Final[Mapping[str, _Face]] = {
    # Long hair.
    "mia": _Face(
        "#f2b84b",
        "#c98a63",
        "#2f6f73",
        [("ellipse", (26, 14, 102, 92), "#3a2318"), ("rectangle", (26, 52, 102, 112), "#3a2318")],
        [("chord", (34, 16, 94, 74), "#3a2318")],
    ),
    # Short hair and a beard.
    "max": _Face(
        "#7fb685",
        "#f0c8a0",
        "#34495e",
        [],
        [
            ("chord", (35, 20, 93, 72), "#a8552a"),
            ("beard", (37, 50, 91, 98), "#a8552a"),
            ("ellipse", (54, 70, 74, 80), "#f0c8a0"),
            ("arc", (54, 62, 74, 78), "#2b2118"),
        ],
    ),
    # Grey hair in a bun, and glasses.
    "ada": _Face(
        "#b59ad6",
        "#8d5a3b",
        "#b03a48",
        [("ellipse", (46, 4, 82, 40), "#d8d8dc")],
        [
            ("chord", (35, 21, 93, 73), "#d8d8dc"),
            ("ring", (42, 52, 62, 72), "#f4f4f4"),
            ("ring", (66, 52, 86, 72), "#f4f4f4"),
            ("rectangle", (61, 60, 67, 62), "#f4f4f4"),
        ],
    ),
}
# A speech bubble, as in `icon.svg`.
_BUBBLE: Final[Sequence[_Shape]] = (
    ("bubble", (32, 38, 96, 84), "#ffffff"),
    ("tail", (50, 82, 72, 100), "#ffffff"),
)


def _draw(pen: ImageDraw.ImageDraw, shape: _Shape) -> None:
    kind, (left, top, right, bottom), colour = shape
    box = tuple(_SCALE * place for place in (left, top, right, bottom))
    match kind:
        case "ellipse":
            pen.ellipse(box, fill=colour)
        case "rectangle":
            pen.rectangle(box, fill=colour)
        case "bubble":
            pen.rounded_rectangle(box, 10 * _SCALE, fill=colour)
        case "tail":
            pen.polygon([box[:2], (box[2], box[1]), (box[0], box[3])], fill=colour)
        case "chord":
            pen.chord(box, 190, 350, fill=colour)
        case "beard":
            pen.chord(box, 0, 180, fill=colour)
        case "arc":
            pen.arc(box, 30, 150, fill=colour, width=3 * _SCALE)
        case "ring":
            pen.ellipse(box, outline=colour, width=2 * _SCALE)


def avatar(name: str) -> bytes:
    """Return the picture of the person with this user name, or of the bot, as PNG."""
    face = _FACES.get(name)
    picture = Image.new("RGB", (SIZE * _SCALE,) * 2, face.ground if face else "#5865f2")
    pen = ImageDraw.Draw(picture)
    for shape in face.shapes() if face else _BUBBLE:
        _draw(pen, shape)
    buffer = BytesIO()
    picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()

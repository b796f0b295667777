"""Pictures with text, drawn for tests."""

import io

import pytest


def drawn(text: str, kind: str = "PNG", *, size: int = 32, colours: str = "white black") -> bytes:
    """A picture of a text, like a screenshot."""
    drawing = pytest.importorskip("PIL.ImageDraw", reason="drawing needs Pillow")
    from PIL import Image, ImageFont

    ground, ink = colours.split()
    image = Image.new("RGB", (900, 60 + 50 * (1 + text.count("\n"))), ground)
    font = ImageFont.load_default(size)
    drawing.Draw(image).multiline_text((30, 30), text, fill=ink, font=font, spacing=14)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()

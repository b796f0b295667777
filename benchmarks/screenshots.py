"""Accuracy, speed and memory of reading the text in screenshots.

    python -m benchmarks.screenshots [--font FILE]

Draws error messages in English and German as terminals, editors and chats show them, light and
dark, at several sizes, as PNG and as JPEG of a poor quality, and has each read in the sandbox as
the bot does. What is counted is the share of the characters of each line that were read right
(1 - edit distance / length). Without a font, Pillow's own one is taken, which lacks umlauts.
"""

import argparse
import io
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont

from knowledge.files.picture_text import as_text, begin_recognition, sandbox

TEXTS: Final = {
    "en": (
        "Traceback (most recent call last):\n"
        'File "main.py", line 12, in <module>\n'
        "ModuleNotFoundError: No module named 'torch'\n"
        "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB\n"
        "Error 0x80070005: access is denied"
    ),
    "de": (
        "Fehler: Die Datei konnte nicht geöffnet werden.\n"
        "Zugriff verweigert – größere Rechte sind nötig.\n"
        "Überprüfe die Einstellungen unter »Netzwerk«."
    ),
}
COLOURS: Final = {"light": ("white", "black"), "dark": ("#313338", "#dbdee1")}
SIZES: Final = (12, 16, 24, 40)
KINDS: Final = {"PNG": {}, "JPEG": {"quality": 40}}


def drawn(text: str, font: Any, colours: tuple[str, str], kind: str) -> bytes:
    image = Image.new("RGB", (1_280, 720), colours[0])
    ImageDraw.Draw(image).multiline_text((30, 30), text, fill=colours[1], font=font, spacing=10)
    file = io.BytesIO()
    image.save(file, kind, **KINDS[kind])
    return file.getvalue()


def distance(one: str, other: str) -> int:
    """The edit distance of two texts."""
    row = list(range(len(other) + 1))
    for number, sign in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, against in enumerate(other, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (sign != against)),
            )
    return row[-1]


def right(text: str, read: str) -> float:
    return max(1 - distance(text, read) / len(text), 0.0)


def pictures(font_file: Path | None) -> Iterator[tuple[str, int, str, str, bytes]]:
    for (language, text), size, (ground, colours), kind in itertools.product(
        TEXTS.items(), SIZES, COLOURS.items(), KINDS
    ):
        font = ImageFont.truetype(font_file, size) if font_file else ImageFont.load_default(size)
        yield language, size, ground, kind, drawn(text, font, colours, kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--font", type=Path)
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}")
    found: list[tuple[str, int, str, str, float]] = []
    seconds, peak = [], 0
    for language, size, ground, kind, content in pictures(options.font):
        started = time.perf_counter()
        read = as_text(begin_recognition(content).result())
        seconds.append(time.perf_counter() - started)
        found.append((language, size, ground, kind, right(TEXTS[language], read)))
        process = sandbox()._process
        if process is not None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int(status.split("VmHWM:")[1].split()[0]))
    for column, name in enumerate(("language", "size", "ground", "kind")):
        for value in dict.fromkeys(one[column] for one in found):
            shares = [one[4] for one in found if one[column] == value]
            print(f"{name} {value}: {statistics.mean(shares):.3f} of the characters are right")
    print(f"{statistics.median(seconds):.1f} s a picture, at most {max(seconds):.1f} s")
    print(f"memory: {peak / 1e3:.0f} MB at most; load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

"""Colours of a site: the accent, adjusted to be readable.

Source:
    Web Content Accessibility Guidelines 2.2, "relative luminance" and success criterion 1.4.3.
"""

from typing import Final

# The raised background of each colour scheme; the other backgrounds have more contrast.
LIGHT: Final = "#f3f4f7"
DARK: Final = "#22252c"
# 1.4.3 asks for 4.5; the rest is for rounding.
CONTRAST: Final = 4.6
_STEPS: Final = 50


def readable(accent: str, background: str) -> str:
    """Mix the accent with black or white until its contrast with the background suffices."""
    towards = 0 if _luminance(background) > 0.5 else 255
    parts = _parts(accent)
    for step in range(_STEPS + 1):
        mixed = [round(part + (towards - part) * step / _STEPS) for part in parts]
        colour = "#" + "".join(f"{part:02x}" for part in mixed)
        if contrast(colour, background) >= CONTRAST:
            break
    return colour


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _parts(colour: str) -> list[int]:
    return list(bytes.fromhex(colour.removeprefix("#")))


def _luminance(colour: str) -> float:
    shares = [part / 255 for part in _parts(colour)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

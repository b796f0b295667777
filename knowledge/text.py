"""Text that a database can store, that people can read, and counted nouns.

JSON can name U+0000 and lone surrogates, which are no characters of any script. Text from members,
files, pages and imports passes through `storable` once, when it becomes one of our values.
"""

import re
from typing import Final

# A half of a pair can't be written as UTF-8.
_HALVES: Final = re.compile("[\ud800-\udfff]")

# A joiner makes one sign of emoji, and shapes letters of Arabic, Syriac and the scripts of India:
# between letters of these, after a sign that silences a vowel, and where Arabic ends as if it went
# on. Elsewhere it can't be seen, and only hides something. By the same measure for reader and word.
_EMOJI = (
    "\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
)
_ARABIC = "\u0620-\u085f\u0860-\u08ff"
_JOINED = f"{_ARABIC}\u0900-\u0dff"
_SILENCING = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_END = r"(?=[\s!-/:-?\u060c\u061b\u061f\u06d4\u0964\u0965\u2010-\u2027)\]»]|\Z)"
_NEEDED = (
    rf"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}][\ufe0f\U0001f3fb-\U0001f3ff]))\u200d(?=[{_EMOJI}])"
    rf"|(?<=[{_JOINED}])[\u200c\u200d](?=[{_JOINED}])"
    rf"|(?<=[{_SILENCING}])[\u200c\u200d]{_END}|(?<=[{_ARABIC}])\u200d{_END}"
)
# What can't be seen, turns text round, or is no sign: control characters, halves of pairs.
_NEVER_SHOWN = (
    "\x00-\x08\x0b-\x1f\x7f\ud800-\udfff"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f"
)
_INVISIBLE = re.compile(rf"[{_NEVER_SHOWN}]|(?!{_NEEDED})[\u200c\u200d]")
# Most texts have none of these, which is seen several times as fast.
_SUSPICIOUS = re.compile(rf"[{_NEVER_SHOWN}\u200c\u200d]")


def storable(text: str) -> str:
    """The text; U+0000 is left out, and half a pair becomes the sign for what is none."""
    if text.isascii():
        return text.replace("\0", "")
    return _HALVES.sub("\ufffd", text).replace("\0", "")


def legible(text: str) -> str:
    """Somebody's text without what can't be seen or turns it round, for where nothing is marked."""
    return _INVISIBLE.sub("", text) if _SUSPICIOUS.search(text) else text


def counted(count: int, one: str, several: str = "") -> str:
    """A number with its noun; `several` where the plural takes more than an s."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"

"""Text functions: text to store, text to show, normal forms, and counted nouns.

Text from members, files, pages and imports may contain U+0000 and lone surrogates, which databases
refuse, and piles of combining marks, which take Unicode's normalization quadratic time. `storable`
cleans such text once, when an object of this program is made from it. `normal_form` is the only
caller of `unicodedata.normalize`, so no pile gets there by another way.
"""

import re
import unicodedata
from typing import Final, Literal

# Lone surrogates can't be encoded in UTF-8.
_HALVES: Final = re.compile("[\ud800-\udfff]")

# Signs that begin with a combining mark when decomposed. The last five aren't marks themselves.
_MARKS: Final = (
    "".join(sign for sign in map(chr, range(0x300, 0x1F000)) if unicodedata.combining(sign))
    + "\u0f73\u0f75\u0f81\uff9e\uff9f"
)
# The longest run of marks in Unicode's stream-safe text. Writing has three or four.
_MOST_MARKS: Final = 30
_PILE: Final = re.compile(f"([{_MARKS}]{{{_MOST_MARKS}}})[{_MARKS}]+")
# A pile has marks at three successive places of which each is the tenth.
_TENTH: Final = _MOST_MARKS // 3
_PILE_AMONG_TENTHS: Final = re.compile(f"[{_MARKS}]{{3}}")

# Joiners combine emoji, and shape Arabic, Syriac and Indic letters: between such letters, after a
# virama, and at the end of an Arabic word. Elsewhere they are invisible and only hide something.
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
# Invisible or direction-changing characters, control characters, lone surrogates.
NEVER_SHOWN: Final = (
    "\x00-\x08\x0b-\x1f\x7f\ud800-\udfff"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f"
)
_INVISIBLE = re.compile(rf"[{NEVER_SHOWN}]|(?!{_NEEDED})[\u200c\u200d]")
# Most texts have none, and this search is several times as fast.
_SUSPICIOUS = re.compile(rf"[{NEVER_SHOWN}\u200c\u200d]")


# Scripts without blanks between words: Thai, Lao, Burmese, Khmer, kana, Han.
UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_UNSPACED_LETTER: Final = re.compile(f"[{UNSPACED}]")
QUESTION_MARKS: Final = ("?", "\uff1f", "\u061f")


def word_count(text: str) -> int:
    """The number of words; two letters of a script without blanks count as one."""
    if text.isascii():
        return len(text.split())
    spaced, letters = _UNSPACED_LETTER.subn(" ", text)
    return sum(any(map(str.isalnum, word)) for word in spaced.split()) + (letters + 1) // 2


def storable(text: str) -> str:
    """The stream-safe text without U+0000; lone surrogates become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "")
    return stream_safe(_HALVES.sub("\ufffd", text).replace("\0", ""))


def stream_safe(text: str) -> str:
    """The text with at most 30 combining marks in a row; no writing has as many.

    Source: UAX #15, "Unicode Normalization Forms", section 13.
    """
    # The longest texts have ten million characters, and few have a pile.
    if len(text) <= _MOST_MARKS or _PILE_AMONG_TENTHS.search(text[::_TENTH]) is None:
        return text
    return _PILE.sub(r"\1", text)


def normal_form(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """A normal form of the stream-safe text.

    `unicodedata.normalize` sorts a run of marks by insertion, in one call that holds the GIL.
    """
    return unicodedata.normalize(form, stream_safe(text))


def legible(text: str) -> str:
    """The text without invisible and direction-changing characters, which could disguise it."""
    return _INVISIBLE.sub("", text) if _SUSPICIOUS.search(text) else text


def count_of(count: int, one: str, several: str = "") -> str:
    """A number with its noun; `several` is an irregular plural."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"

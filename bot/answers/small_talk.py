"""Intent rules for small talk: messages that ask nothing, told by their words alone. Pure.

A message is small talk only where known phrases make up all of it, so one word that is not among
them makes it a question: "thanks, but how do I update?" is looked up. What is not known is asked,
because a greeting that is answered with passages is a nuisance, and a question that is taken for a
greeting is lost. (`knowledge.chat.intents` errs the other way: of a chat's history it is enough to
keep what is plainly worth reading.)
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain
from typing import Any, Final


class SmallTalk(StrEnum):
    """What small talk says; where a message says several things, the first of these counts."""

    IDENTITY = "identity"
    ABILITIES = "abilities"
    HELP = "help"
    THANKS = "thanks"
    SCOLDING = "scolding"
    PRAISE = "praise"
    GREETING = "greeting"
    ACKNOWLEDGEMENT = "acknowledgement"
    LAUGHTER = "laughter"


# A question mark turns any other phrase into a question: "ok?", "done?", "nice?".
_MAY_ASK: Final = frozenset(
    {SmallTalk.IDENTITY, SmallTalk.ABILITIES, SmallTalk.HELP, SmallTalk.GREETING}
)

# Longer messages say something, and the pattern need not be tried on them.
_MOST_CHARACTERS: Final = 100

_MENTION: Final = re.compile(r"<(?:@[!&]?|#)\d+>|<a?:\w+:\d+>")
_APOSTROPHES: Final = re.compile(r"['’‘`\u00b4]")
_EMOTICON: Final = re.compile(
    r"(?<!\S)(?:[:;=]['’]?-?[()\[\]dpo/|\\*]+|\^_*\^|o_+o)(?!\S)", re.IGNORECASE
)
_SKIN_OR_VARIANT: Final = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\u2640\u2642]")
_PUNCTUATION: Final = re.compile(r"[,!?…~*_\"„“”«»()\[\]{}|-]+(?<![:;]\))|(?<!\.)\.(?!\S)")


# A question is judged where it arrives, where it is answered and where that is said; `/gaps` judges
# all that are open, page after page.
@lru_cache(maxsize=4_096)
def small_talk(text: str) -> SmallTalk | None:
    """What a message says if it is nothing but small talk, else None.

    Args:
        text: of a message, as its member wrote it, in English or German.
    """
    if len(text) > _MOST_CHARACTERS:
        return None
    plain = _plain(text)
    rules = small_talk_rules()
    if not rules.whole.fullmatch(plain):
        return None
    parts = rules.part.findall(plain)
    said = {kind for kind, own in rules.kinds.items() if any(map(own.fullmatch, parts))}
    found = next((kind for kind in SmallTalk if kind in said), None)
    return None if "?" in text and found not in _MAY_ASK else found


def _plain(text: str) -> str:
    """A message in lower case, with single blanks between words and around each emoji."""
    folded = unicodedata.normalize("NFKC", _EMOTICON.sub(":)", _MENTION.sub(" ", text))).casefold()
    folded = _APOSTROPHES.sub("", _SKIN_OR_VARIANT.sub("", folded))
    folded = "".join(f" {sign} " if _is_emoji(sign) else sign for sign in folded)
    return " ".join(_PUNCTUATION.sub(" ", folded).split())


def _is_emoji(sign: str) -> bool:
    return unicodedata.category(sign) == "So"


@dataclass(frozen=True, slots=True)
class _Rules:
    """Patterns of a whole message, of one phrase in it, and of the phrases of each kind."""

    whole: re.Pattern[str]
    part: re.Pattern[str]
    kinds: dict[SmallTalk, re.Pattern[str]]


@cache
def small_talk_rules() -> _Rules:
    """The patterns, compiled once, which takes more than a second."""
    source = files("bot.answers").joinpath("small_talk.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(source)
    phrases = {kind: _phrases(tables, kind) for kind in SmallTalk}
    every = _any_of([*chain(*phrases.values()), *_split(tables["fillers"])])
    return _Rules(
        re.compile(rf"{every}(?: {every})*"),
        re.compile(rf"(?<!\S){every}(?!\S)"),
        {kind: re.compile(_any_of(some)) for kind, some in phrases.items()},
    )


def _phrases(tables: dict[str, Any], kind: SmallTalk) -> list[str]:
    adjectives = _split(tables["scolding" if kind is SmallTalk.SCOLDING else "praising"])
    return [
        phrase.replace("{adjective}", adjective)
        for phrase in _split(tables["phrases"][kind.value])
        for adjective in (adjectives if "{adjective}" in phrase else [""])
    ]


def _split(text: str) -> list[str]:
    return [" ".join(part.casefold().split()) for part in text.split("|")]


def _any_of(phrases: Iterable[str]) -> str:
    """A pattern for these phrases, the longest first; a letter may be typed more often."""
    longest_first = sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
    return f"(?:{'|'.join(map(_stretched, longest_first))})"


def _stretched(phrase: str) -> str:
    laughs = {"haha": r"(?:h+[aeio]+){2,}h?", "lol": r"l+(?:o+l+)+o*", "xd": "x+d+"}
    return laughs.get(phrase) or "".join(
        re.escape(sign) + ("+" if sign.isalpha() or not sign.isascii() else "") for sign in phrase
    )

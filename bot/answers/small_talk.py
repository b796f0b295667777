"""Intent rules for small talk, by words alone. Pure, with a cache of classified messages.

Small talk consists of known phrases only, from the section `small_talk` of the tables of languages:
"thanks, but how do I update?" is looked up. In doubt, a message counts as a question, because a
greeting answered with passages does less harm than a question without an answer. In chat histories,
`knowledge.chat.intents` decides the other way.
"""

import operator
import re
import unicodedata
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final

from knowledge.languages.vocabularies import values
from knowledge.text import normal_form


class SmallTalk(StrEnum):
    """Kinds of small talk, by priority: if a message has several, the first counts."""

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

# Longer messages aren't small talk.
_MOST_CHARACTERS: Final = 100

_LAUGH: Final = re.compile(r"(?:h+[aeio]+){2,}h?|l+(?:o+l+)+o*|x+d+")
_MENTION: Final = re.compile(r"<(?:@[!&]?|#)\d+>|<a?:\w+:\d+>")
_APOSTROPHES: Final = re.compile(r"['’‘`\u00b4]")
_EMOTICON: Final = re.compile(
    r"(?<!\S)(?:[:;=]['’]?-?[()\[\]dpo/|\\*]+|\^_*\^|o_+o)(?!\S)", re.IGNORECASE
)
_SKIN_OR_VARIANT: Final = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\u2640\u2642]")
_SIGNS: Final = r",!?¿¡。…~*_\"„“”«»(\[\]{}|\-"
# A single `)` may be the mouth of an emoticon.
_PUNCTUATION: Final = re.compile(
    rf"(?:[{_SIGNS}]|(?<![:;])\)|\)(?=[{_SIGNS})]))[{_SIGNS})]*|(?<!\.)\.(?!\S)"
)


def small_talk(text: str) -> SmallTalk | None:
    """Return the kind of small talk in a message, or None if the message isn't small talk."""
    return _judge(text) if len(text) <= _MOST_CHARACTERS else None


def forget() -> None:
    """Empty the cache of classified messages."""
    _judge.cache_clear()


# Each question is classified several times on its way, and all open ones for each page of `/gaps`.
@lru_cache(maxsize=4_096)
def _judge(text: str) -> SmallTalk | None:
    said = _segment(_normalize(text).split())
    found = next((kind for kind in SmallTalk if said and kind in said), None)
    return None if "?" in text and found not in _MAY_ASK else found


def _segment(words: list[str]) -> set[SmallTalk] | None:
    """Split words into known phrases, and return the kinds of these phrases.

    Return None if a word belongs to no known phrase. Longer phrases are tried first.
    """
    phrases = _phrases()
    if not all(map(phrases.has_word, words)):
        return None
    # Filled from the end: the kinds of the words from each index on.
    said: list[set[SmallTalk] | None] = [None] * len(words) + [set()]
    for start in reversed(range(len(words))):
        for end in range(min(len(words), start + phrases.most_words), start, -1):
            rest = said[end]
            kinds = phrases.kinds(" ".join(words[start:end])) if rest is not None else None
            if rest is not None and kinds is not None:
                said[start] = rest | kinds
                break
    return said[0]


def _normalize(text: str) -> str:
    """A message in lower case, with single blanks between words and around each emoji."""
    folded = normal_form("NFKC", _EMOTICON.sub(":)", _MENTION.sub(" ", text))).casefold()
    folded = _APOSTROPHES.sub("", _SKIN_OR_VARIANT.sub("", folded))
    folded = "".join(f" {sign} " if _is_emoji(sign) else sign for sign in folded)
    return " ".join(_PUNCTUATION.sub(" ", folded).split())


def _is_emoji(sign: str) -> bool:
    return unicodedata.category(sign) == "So"


class _Phrases:
    """Known phrases with their kinds. Typed phrases may repeat letters ("helllo")."""

    def __init__(self) -> None:
        self.most_words = 0
        self._words: set[str] = set()
        self._by_letters: dict[str, list[tuple[tuple[int, ...], set[SmallTalk]]]] = {}

    def add(self, phrase: str, kinds: set[SmallTalk]) -> None:
        """Add a phrase; a filler has no kinds."""
        letters, repeats = _runs(phrase)
        self.most_words = max(self.most_words, len(phrase.split()))
        self._words.update(letters.split())
        self._by_letters.setdefault(letters, []).append((repeats, kinds))

    def has_word(self, word: str) -> bool:
        """Whether a word is in any phrase. This quick test rules out most questions."""
        return _runs(word)[0] in self._words or _LAUGH.fullmatch(word) is not None

    def kinds(self, phrase: str) -> set[SmallTalk] | None:
        """Return the kinds of a phrase, or None if the phrase is unknown.

        The phrase may repeat letters.
        """
        if _LAUGH.fullmatch(phrase):
            return {SmallTalk.LAUGHTER}
        letters, repeats = _runs(phrase)
        alike = [
            kinds
            for least, kinds in self._by_letters.get(letters, ())
            if all(map(operator.le, least, repeats))
        ]
        return set().union(*alike) if alike else None


def _runs(text: str) -> tuple[str, tuple[int, ...]]:
    """Merge repeated letters, and count the repeats: "hello" gives "helo" and 1, 1, 2, 1."""
    # Digits and ASCII punctuation are not merged: "10/10", "1 2 3", "++".
    letters: list[str] = []
    repeats: list[int] = []
    for sign in text:
        if letters and sign == letters[-1] and (sign.isalpha() or not sign.isascii()):
            repeats[-1] += 1
        else:
            letters.append(sign)
            repeats.append(1)
    return "".join(letters), tuple(repeats)


@cache
def _phrases() -> _Phrases:
    phrases = _Phrases()
    for filler in _phrases_of("fillers"):
        phrases.add(filler, set())
    for kind in SmallTalk:
        # {adjective} stands for each praising one, or for each scolding one.
        adjectives = _phrases_of(
            f"{'scolding' if kind is SmallTalk.SCOLDING else 'praising'}_adjectives"
        )
        for phrase in _phrases_of(kind.value):
            for adjective in adjectives if "{adjective}" in phrase else [""]:
                phrases.add(phrase.replace("{adjective}", adjective), {kind})
    return phrases


def _phrases_of(key: str) -> list[str]:
    """The phrases of all languages under a key."""
    texts = values(key, "small_talk").values()
    return [" ".join(part.casefold().split()) for text in texts for part in text.split("|")]

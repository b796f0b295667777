"""Detection of a text's language, by its script, its words of grammar and special letters. Pure.

A chat message has four words, and half of them are names and commands. A trained detector takes one
in four short English questions for another language. Words of grammar err in one of a hundred. A
text without any counts as English (docs/decisions.md).
"""

import re
from collections import Counter
from functools import lru_cache
from typing import Final

from knowledge.languages.vocabularies import ENGLISH, EVERYWHERE, values, words

# Detection reads the beginning of a longer text.
_READ_CHARACTERS: Final = 2_000
# A script decides with this share of the letters: many an English formula has a few Greek ones.
_SCRIPT_SHARE: Final = 0.3
_ENDS_OF_WORDS: Final = bytes(n if chr(n).isalnum() else 32 for n in range(256))
_WORD: Final = re.compile(r"[^\W_]+")


# Blocks and spans of code.
_CODE: Final = re.compile(
    r"(?P<mark>```|~~~)[^`~]*(?:(?!(?P=mark))[`~][^`~]*)*(?P=mark)?|`[^`\n]*`"
)


# Every step of answering a question calls this for it.
@lru_cache(maxsize=256)
def language_of_question(text: str) -> str:
    """The language of a question if it is certain; empty if the question is too short to tell.

    A script such as Arabic or Thai makes the language certain. So do at least two words of grammar,
    if the question has fewer of every other language. Code has none.
    """
    text = _CODE.sub(" ", text)
    if language := _by_script(text):
        return language
    counts = _counts_of_grammar(text.lower()).most_common(2)
    (language, first), (_, second) = [*counts, ("", 0), ("", 0)][:2]
    return language if first >= 2 and first > second else ""


def language_of(text: str, otherwise: str = ENGLISH) -> str:
    """The language with the most words of grammar and special letters (such as `ß`) in a text.

    In a tie, and without any, it is `otherwise`, such as the language of the whole document.
    """
    beginning = text[:_READ_CHARACTERS]
    if found := _by_script(beginning):
        return found
    counts = _counts(beginning.lower())
    most = max(counts.values(), default=0)
    if counts[otherwise] == most:
        return otherwise
    return next(language for language in values("grammar", "words") if counts[language] == most)


def languages_spoken(text: str) -> tuple[str, ...]:
    """The languages whose phrases a message may have: English, German, and its own."""
    return tuple(dict.fromkeys((*EVERYWHERE, language_of(text))))


def _by_script(text: str) -> str:
    """The language of the script that a text is mostly in; empty for the Latin script."""
    if text.isascii() or not _ANY_SCRIPT.search(text):
        return ""
    letters = sum(map(str.isalpha, text))
    for script, languages in _SCRIPTS:
        if len(script.findall(text)) >= max(2, _SCRIPT_SHARE * letters):
            counts = _counts(text.lower())
            return max(languages, key=counts.__getitem__)
    return ""


def _scripts() -> list[tuple[re.Pattern[str], list[str]]]:
    found: dict[str, list[str]] = {}
    for language, letters in values("script").items():
        found.setdefault(letters, []).append(language)
    # Japanese has Chinese letters, too.
    order = sorted(found, key=lambda letters: "zh" in found[letters])
    return [(re.compile(f"[{letters}]"), found[letters]) for letters in order]


_SCRIPTS: Final = _scripts()
_ANY_SCRIPT: Final = re.compile(f"[{''.join(dict.fromkeys(values('script').values()))}]")


def _counts(lowered: str) -> Counter[str]:
    """For each language its words of grammar in a lower-case text, and twice its letters."""
    counts = _counts_of_grammar(lowered)
    if not lowered.isascii():
        for language, letters in values("letters").items():
            counts[language] += 2 * sum(letter in lowered for letter in letters)
    return counts


def _counts_of_grammar(lowered: str) -> Counter[str]:
    if lowered.isascii():
        said = lowered.encode("ascii").translate(_ENDS_OF_WORDS).decode("ascii").split()
    else:
        said = _WORD.findall(lowered)
    counts: Counter[str] = Counter()
    for word in said:
        counts.update(_LANGUAGES_BY_WORD.get(word, ()))
    return counts


def _languages_by_word() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for language in values("grammar", "words"):
        for word in words("grammar", "words", [language]) | words("shared", "words", [language]):
            # A single letter is often a name or a part of code.
            if language == ENGLISH or len(word) > 1:
                found[word] = (*found.get(word, ()), language)
    return found


_LANGUAGES_BY_WORD: Final = _languages_by_word()

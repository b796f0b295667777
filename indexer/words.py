"""What counts as a word for the lexical leg: folding, and tokens that survive whole.

The same function reads passages and queries, and its tokens never contain a blank or a quote, so
nothing that somebody types can be query syntax.
"""

import re
import unicodedata
from typing import Final

# A token with dots, dashes, pluses and the like inside or around it (`v2.7.1`, `--no-cache`,
# `C++`, `snake_case`, `foo.bar`) is kept whole, and its parts are words of their own.
_TOKEN = re.compile(r"(?<!\w)(?:--?)?\w+(?:[._+#/@:'’-]+\w+)*(?:\+\+|#)?")
_PART = re.compile(r"\w+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")

_COMMONEST: Final = """
    a about an and are as at be been but by can could did do does for from had has have how i if in
    into is it its me my of on or our please should so some than that the their them there these
    they this to was we were what when where which who whom whose why will with would you your
    der die das ein eine und oder ist sind wie was wer wo wann warum mit von zu zum zur im in den
    dem des es ich wir man auf für bei nicht
"""
ABBREVIATIONS: Final = {
    "k8s": ("kubernete",),
    "js": ("javascript",),
    "py": ("python",),
    "db": ("database",),
    "config": ("configuration",),
    "auth": ("authentication",),
    "env": ("environment",),
    "repo": ("repository",),
    "doc": ("documentation",),
    "admin": ("administrator",),
}
STOP: Final = frozenset(_COMMONEST.split())


def words(text: str) -> list[str]:
    """The words of a text in order, folded; repeats are kept."""
    folded = _folded(text)
    found: list[str] = []
    for match in _TOKEN.finditer(folded):
        token = match[0].replace("’", "'").removesuffix("'s").strip("'")
        parts = _PART.findall(token)
        if len(parts) > 1 or (parts and parts[0] != token):
            found.append(token)
        for part in parts:
            found.extend(_CJK_pairs(part) if _CJK.search(part) else [_stem(part)])
    return found


def query_words(text: str) -> list[str]:
    """The words to look for: those of the query without repeats, and without the commonest.

    A query of nothing but common words keeps them.
    """
    found = list(dict.fromkeys(words(text)))
    return [word for word in found if word not in STOP] or found


def query_forms(text: str) -> list[tuple[str, ...]]:
    """The words to look for, each with the forms that count as it."""
    return [(word, *ABBREVIATIONS.get(word, ())) for word in query_words(text)]


def _folded(text: str) -> str:
    """Lower case without diacritics, in compatibility form."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _stem(word: str) -> str:
    """The word without an English plural or tense ending; short words as they are."""
    if len(word) > 4 and word.isalpha():
        for ending, rest in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e")):
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                return word[: -len(ending)] + rest
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            return word[:-1]
    return word


def _CJK_pairs(text: str) -> list[str]:  # noqa: N802
    """Pairs of neighbouring characters, for scripts that don't part words."""
    return [text[i : i + 2] for i in range(max(len(text) - 1, 1))]

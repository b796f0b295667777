"""Intent patterns for chat messages: question, thanks, greeting, solution.

The phrases are in `intents.toml`. A missing phrase does little harm. A question that isn't
recognized isn't imported. If thanks aren't recognized, the accepted answer may not be found.
"""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Final

# Longer messages of thanks have other content, too.
THANKS_WORDS: Final = 5

_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_ADDRESS: Final = re.compile(r"https?://\S+")
_ATTACHED: Final = re.compile(r"^\(attached: [^\n]*\)$", re.MULTILINE)
_MENTION: Final = re.compile(r"(?<!\w)@\w[\w.-]*")
_CUSTOM_EMOJI: Final = re.compile(r"(?<!\w):\w{2,32}:(?!\w)")
_WORD: Final = re.compile(r"\w+(?:['’]\w+)*")
# Scripts without spaces: about two characters make a word.
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")

_PHRASES: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_SMALL_TALK: Final = frozenset(_PHRASES["small_talk"].split())


def _any(kind: str, before: str = r"\b", after: str = r"\b") -> re.Pattern[str]:
    return re.compile(f"{before}(?:{'|'.join(_PHRASES[kind])}){after}", re.IGNORECASE)


_QUESTION_MARK: Final = re.compile(r"[?？؟]|¿")
# Questions begin at line ends, so a run of them is examined once.
_QUESTION_START: Final = _any("question_starts", r"(?:^|[.!,\n][^\S\n]*+)", "")
_TROUBLE: Final = _any("trouble")
_THANKS: Final = _any("thanks", after=r"\b|ありがと|谢谢|謝謝|감사")
_NOT_YET: Final = _any("not_yet", after=r"\b|n['’]t\b|\?")
_OWN_SOLUTION: Final = _any("own_solution")
_SOLVED: Final = re.compile(
    r"[\[(]?\b(?:solved|resolved|answered|gelöst|erledigt|beantwortet|resuelto)\b[\])]?:?|[✅☑✔]\ufe0f?",
    re.IGNORECASE,
)
_NOT_SOLVED: Final = re.compile(
    r"(?:\bnot|\bnicht|\bno|n['’]t)\s+(?:(?:yet|been|ganz|wirklich)\s+)*"
    r"(?:solved|resolved|answered|gelöst|erledigt|beantwortet|resuelto)\b",
    re.IGNORECASE,
)
_TO_SOMEBODY: Final = re.compile(r"\b(?:you|your|du|dein|deine)\b", re.IGNORECASE)


# A message is judged several times within its conversation.
@lru_cache(maxsize=2_048)
def prose(text: str) -> str:
    """The text without code, addresses, mentions, custom emoji and attachments' names."""
    for pattern in (_CODE, _ADDRESS, _ATTACHED, _MENTION, _CUSTOM_EMOJI):
        text = pattern.sub(" ", text)
    return text


def forget() -> None:
    """Clear the cache of `prose`, which contains messages."""
    prose.cache_clear()


def mentions(text: str) -> set[str]:
    """The names after `@` in a text, cut to their first word and casefolded."""
    return {name[1:].casefold() for name in _MENTION.findall(text)} if "@" in text else set()


def word_count(text: str) -> int:
    """The approximate number of words in a text's prose, in any script."""
    plain = prose(text)
    return len(_WORD.findall(_UNSPACED.sub(" ", plain))) + len(_UNSPACED.findall(plain)) // 2


def points_somewhere(text: str) -> bool:
    """Whether the text has a link or code."""
    return _ADDRESS.search(text) is not None or _CODE.search(text) is not None


def is_small_talk(text: str) -> bool:
    """Whether the text is a greeting, thanks, a single word, or empty."""
    if points_somewhere(text):
        return False
    if word_count(text) <= 1:
        return True
    words = _WORD.findall(prose(text).casefold().replace("’", "'"))
    if words and all(word in _SMALL_TALK for word in words):
        return True
    return len(words) <= THANKS_WORDS and thanks(text) and not tells_solution(text)


def asks(text: str) -> bool:
    """Whether the text is a question or reports a problem."""
    plain = prose(text)
    return any(found.search(plain) for found in (_QUESTION_MARK, _QUESTION_START, _TROUBLE))


def asks_only(text: str) -> bool:
    """Whether the text has a question mark and fewer than 20 words."""
    return _QUESTION_MARK.search(prose(text)) is not None and word_count(text) < 20


def asks_back(text: str) -> bool:
    """Whether the text asks somebody for details."""
    return _TO_SOMEBODY.search(prose(text)) is not None


def thanks(text: str) -> bool:
    """Whether the text has thanks, and no word like "in advance" or "but" that limits them."""
    plain = prose(text)
    return _THANKS.search(plain) is not None and _NOT_YET.search(plain) is None


def tells_solution(text: str) -> bool:
    return _OWN_SOLUTION.search(text) is not None


def is_marked_solved(title: str) -> bool:
    """Whether a thread's title or tag says that it is solved."""
    return _SOLVED.search(_NOT_SOLVED.sub(" ", title)) is not None


def without_solved_mark(title: str) -> str:
    """A thread's title without its solved mark."""
    if not is_marked_solved(title):
        return title
    return " ".join(_SOLVED.sub(" ", title).split()).strip(" -–:|")

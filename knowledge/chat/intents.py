"""Intent patterns for chat messages: question, thanks, greeting, solution.

The phrases are in the section `chats` of the tables of languages, each a regular expression between
ends of words. Case counts in none. A missing phrase does little harm. A question that isn't
recognized isn't imported. If thanks aren't recognized, the accepted answer may not be found.
"""

import re
from functools import cache, lru_cache
from typing import Final

from knowledge.languages.detection import languages_spoken
from knowledge.languages.vocabularies import alternatives, tables, words

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

_QUESTION_MARK: Final = re.compile(r"[?？؟]|¿")
# Around the phrases of a kind; by default the ends of words.
_AROUND: Final = {
    # Questions begin at line ends, so a run of them is examined once.
    "question_starts": (r"(?:^|[.!,\n][^\S\n]*+)", ""),
    "thanks": (r"\b", r"\b|ありがと|谢谢|謝謝|감사"),
    "not_yet": (r"\b", r"\b|n['’]t\b|\?"),
    "solved": (r"[\[(]?\b", "\\b[\\])]?:?|[✅☑✔]\ufe0f?"),
}


@cache
def _phrases(kind: str, languages: tuple[str, ...]) -> re.Pattern[str]:
    before, after = _AROUND.get(kind, (r"\b", r"\b"))
    if kind == "not_solved":
        before, after = "", rf"\s+{alternatives('solved', 'chats', languages)}\b"
    return re.compile(f"{before}{alternatives(kind, 'chats', languages)}{after}", re.IGNORECASE)


def _has(kind: str, text: str) -> bool:
    return _phrases(kind, languages_spoken(text)).search(text) is not None


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
    said = _WORD.findall(prose(text).casefold().replace("’", "'"))
    if said and words("small_talk", "chats", tables()).issuperset(said):
        return True
    return len(said) <= THANKS_WORDS and thanks(text) and not tells_solution(text)


def asks(text: str) -> bool:
    """Whether the text is a question or reports a problem."""
    plain = prose(text)
    has_mark = _QUESTION_MARK.search(plain) is not None
    return has_mark or _has("question_starts", plain) or _has("trouble", plain)


def asks_only(text: str) -> bool:
    """Whether the text has a question mark and fewer than 20 words."""
    return _QUESTION_MARK.search(prose(text)) is not None and word_count(text) < 20


def asks_back(text: str) -> bool:
    """Whether the text asks somebody for details."""
    return _has("to_somebody", prose(text))


def thanks(text: str) -> bool:
    """Whether the text has thanks, and no word like "in advance" or "but" that limits them."""
    plain = prose(text)
    return _has("thanks", plain) and not _has("not_yet", plain)


def tells_solution(text: str) -> bool:
    return _has("own_solution", text)


# A title may be too short to tell its language, so the marks of all languages count.
_MARKS: Final = tuple(tables())


def is_marked_solved(title: str) -> bool:
    """Whether a thread's title or tag says that it is solved."""
    said = _phrases("not_solved", _MARKS).sub(" ", title)
    return _phrases("solved", _MARKS).search(said) is not None


def without_solved_mark(title: str) -> str:
    """A thread's title without its solved mark."""
    if not is_marked_solved(title):
        return title
    return " ".join(_phrases("solved", _MARKS).sub(" ", title).split()).strip(" -–:|")

"""Intent patterns for chat messages: asking, thanking, greeting, telling a solution.

The words are those of English and, for the commonest, of the languages around it. They need not be
complete: a question that is not recognised is not imported, and thanks that are not recognised
leave the replies in the order in which they were written. Everything is pure.
"""

import re
from functools import lru_cache
from typing import Final

# Thanks of more words than that say something besides.
THANKS_WORDS: Final = 5

_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_ADDRESS: Final = re.compile(r"https?://\S+")
_ATTACHED: Final = re.compile(r"^\(attached: [^\n]*\)$", re.MULTILINE)
_MENTION: Final = re.compile(r"(?<!\w)@\w[\w.-]*")
_CUSTOM_EMOJI: Final = re.compile(r"(?<!\w):\w{2,32}:(?!\w)")
_WORD: Final = re.compile(r"\w+(?:['’]\w+)*")
# Scripts without spaces between words: about two characters make a word.
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")

_SMALL_TEXT: Final = """
    a afternoon again ah aha all bump bye cheers cool day evening everybody everyone gm gn good
    great guys haha hehe hello hey hi hiya how's i'm is it it's its lmao lol lots many morning much
    nice night no nope np oh ok okay omg perfect please pls problem really right same see so sorry
    sup sure ta thank thanks that that's the there thx to too ty tysm up very wb welcome what's
    wow xd yeah yep yes yo you you're your yup
    danke dir euch gerne guten hallo ja moin morgen nein schön servus tag viel vielen
    bonjour ciao gracias grazie hola merci obrigada obrigado salut
"""
_SMALL_TALK: Final = frozenset(_SMALL_TEXT.split())


def _any(*phrases: str) -> str:
    return "(?:" + "|".join(phrases) + ")"


_QUESTION_MARK: Final = re.compile(r"[?？؟]|¿")
_QUESTION_START: Final = re.compile(
    r"(?:^|[.!,\n]\s*)"
    + _any(
        r"how (?:do|can|to|would|should|did|does|is|are)\b",
        r"what(?:'s| is| are| does)\b",
        r"why (?:do|does|is|are|did|can)\b",
        r"where (?:do|can|is|are)\b",
        r"which\b",
        r"when (?:do|does|is|will)\b",
        r"who (?:can|is|knows)\b",
        r"(?:can|could) (?:i|we|someone|anyone|somebody)\b",
        r"(?:does|has|did|can) (?:anyone|anybody|someone)\b",
        r"any(?:one|body) (?:know|have|here)\b",
        r"is (?:there|it possible)\b",
        r"(?:wie|warum|wieso|weshalb|weiß jemand)\b",
        r"kann (?:ich|man|jemand)\b",
        r"(?:cómo|por qué|comment|pourquoi)\b",
    ),
    re.IGNORECASE,
)
_TROUBLE: Final = re.compile(
    r"\b"
    + _any(
        r"can['’]?t",
        "cannot",
        "unable to",
        r"doesn['’]?t work",
        "not working",
        "fails? with",
        "stuck (?:on|at|with)",
        "need help",
        "help with",
        "get(?:ting)? (?:an |this |the )?error",
        "how to",
        "geht nicht",
        "funktioniert nicht",
        "no funciona",
        "ne (?:marche|fonctionne) pas",
    )
    + r"\b",
    re.IGNORECASE,
)
_THANKS: Final = re.compile(
    r"\b"
    + _any(
        "thanks",
        "thank (?:you|u)",
        "thx",
        "ty(?:sm)?",
        "cheers",
        "that (?:did it|was it|worked|works|fixed it|solved it|helped|helps)",
        "(?:it|this|now) (?:works|worked)",
        "works (?:now|great|perfectly|fine)",
        "working now",
        "fixed (?:it|now)",
        "solved",
        "resolved",
        "got it working",
        "danke(?:schön)?|merci|gracias|grazie|obrigad[oa]|bedankt|tack|dzięki|спасибо",
    )
    + r"\b|ありがと|谢谢|謝謝|감사",
    re.IGNORECASE,
)
_NOT_YET: Final = re.compile(
    r"\b"
    + _any(
        "in advance|but|still|however|unfortunately|not|no luck",
        "im voraus|aber|leider|pero|mais",
    )
    + r"\b|n['’]t\b|\?",
    re.IGNORECASE,
)
_OWN_SOLUTION: Final = re.compile(
    r"\b"
    + _any(
        "figured (?:it )?out",
        "(?:solved|fixed) (?:it|this|by)",
        "found (?:the|a) (?:solution|fix|problem|issue)",
        "the (?:solution|fix|problem|issue) (?:is|was)",
        "turns out",
        "for anyone",
        "die lösung (?:ist|war)",
        "hat sich erledigt",
    )
    + r"\b",
    re.IGNORECASE,
)
_SOLVED: Final = re.compile(
    r"[\[(]?\b(?:solved|resolved|answered|gelöst|resuelto)\b[\])]?:?|[✅☑✔]\ufe0f?", re.IGNORECASE
)
_TO_SOMEBODY: Final = re.compile(r"\b(?:you|your|du|dein|deine)\b", re.IGNORECASE)


# A message is judged several times within its conversation.
@lru_cache(maxsize=2_048)
def prose(text: str) -> str:
    """The text without code, addresses, mentions, custom emoji and names of attachments."""
    for pattern in (_CODE, _ADDRESS, _ATTACHED, _MENTION, _CUSTOM_EMOJI):
        text = pattern.sub(" ", text)
    return text


def mentions(text: str) -> set[str]:
    """The names behind an @, folded, each as far as its first blank."""
    return {name[1:].casefold() for name in _MENTION.findall(text)} if "@" in text else set()


def word_count(text: str) -> int:
    """About how many words the prose of a text has, in any script."""
    plain = prose(text)
    return len(_WORD.findall(_UNSPACED.sub(" ", plain))) + len(_UNSPACED.findall(plain)) // 2


def points_somewhere(text: str) -> bool:
    """Whether there is a link or code, which say something without a sentence."""
    return _ADDRESS.search(text) is not None or _CODE.search(text) is not None


def is_small_talk(text: str) -> bool:
    """Whether nobody would look the text up: a greeting, thanks, a single word, nothing at all."""
    if points_somewhere(text):
        return False
    if word_count(text) <= 1:
        return True
    words = _WORD.findall(prose(text).casefold().replace("’", "'"))
    if words and all(word in _SMALL_TALK for word in words):
        return True
    return len(words) <= THANKS_WORDS and thanks(text) and not tells_solution(text)


def asks(text: str) -> bool:
    """Whether the text asks for something or tells of trouble."""
    plain = prose(text)
    return any(found.search(plain) for found in (_QUESTION_MARK, _QUESTION_START, _TROUBLE))


def asks_only(text: str) -> bool:
    """Whether the text is hardly more than a question."""
    return _QUESTION_MARK.search(prose(text)) is not None and word_count(text) < 20


def asks_back(text: str) -> bool:
    """Whether the text speaks to somebody, as a question does that asks for details."""
    return _TO_SOMEBODY.search(prose(text)) is not None


def thanks(text: str) -> bool:
    """Whether the text says that something helped. Thanks in advance, or with a but, do not."""
    plain = prose(text)
    return _THANKS.search(plain) is not None and _NOT_YET.search(plain) is None


def tells_solution(text: str) -> bool:
    return _OWN_SOLUTION.search(text) is not None


def is_marked_solved(title: str) -> bool:
    return _SOLVED.search(title) is not None


def without_solved_mark(title: str) -> str:
    """A thread's title without what says that it is solved."""
    return " ".join(_SOLVED.sub(" ", title).split()).strip(" -–:|")

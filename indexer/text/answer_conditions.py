"""Necessary conditions of an answer: both sides of a comparison, date, act, platform. Pure.

A passage may be about the right thing and still not answer: whoever asks what tells X from Y is not
answered by what speaks of X alone, nor whoever asks when something happened by a text without a
date, how to remove something by how to add it, or about one platform by what is said of another.
What fits is no sign that a passage answers; what is lacking is one that it does not, however
near it is. Conditions read English; in another language they ask for nothing.
"""

import re
from functools import lru_cache
from typing import Final

from indexer.text.analyzer import is_stop_word, query_words, word_set

_Words = tuple[tuple[str, ...], ...]

# One to three words before "vs", "or" and "than"; what follows goes on until its clause ends.
_BEFORE: Final = r"(?<![\w.+#'-])(?P<left>(?:[\w.+#'-]+ ){1,3})"
# What is compared is named in so many characters, or a question would be read from each of its
# words to its end.
_NAMED: Final = r"[^?.,;:!]{1,200}?"
_CLAUSE: Final = r"(?= (?:which|what|who|for|in|on|at|if|when|where|is|are|as)\b|[?.,;:!]|$)"
_AFTER: Final = rf"(?P<right>{_NAMED}){_CLAUSE}"
_SHORT: Final = r"(?P<right>[\w.+#'-]+(?: [\w.+#'-]+){0,2})"
_BEGINS: Final = r"(?:^|[,;:] )(?:(?:so|ok|and|what is|whats|what are|is) )?"
_MORE: Final = r"(?:better|worse|cheaper|faster|slower|safer|older|newer|stronger|weaker|easier)"
_COMPARED: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\bdifferen(?:ces?|t) between (?P<left>{_NAMED}) (?:and|or|n|vs|versus) {_AFTER}",
        # In the middle of a sentence it mostly means "against".
        rf"{_BEGINS}{_BEFORE}(?:vs|versus)\.? {_AFTER}",
        rf"{_BEFORE}or {_SHORT}[,;:]? (?:which|what) (?:one )?(?:is|are|was)\b",
        rf"\b(?:which|what)\b[^?.;!]{{0,200}} (?:is|are|was) {_MORE}[,;:]? {_BEFORE}or {_AFTER}",
        rf"\bcompar(?:e|ing) (?P<left>{_NAMED}) (?:and|to|with|against) {_AFTER}",
        rf"{_BEFORE}{_MORE} than {_AFTER}",
    )
)

_SIGNS: Final = re.compile(r"[\W_]")
_HAPPENED: Final = re.compile(
    r"\bwhen (?:was|were|did|had)\b|\b(?:what|which) (?:years?|date|month|decade|century)\b"
)
# A number of two signs may be a year or a version; of one it hardly says when.
_DATE: Final = re.compile(
    r"\d[\d.,:/-]*\d|\d(?:st|nd|rd|th)\b"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b|(?:mon|tues|wednes|thurs|fri|satur"
    r"|sun)days?|century|centuries|ago|today|yesterday|recently|spring|summer|autumn|winter"
    r"|(?:last|this|previous|same|next) (?:year|month|week|season|night))\b",
    re.IGNORECASE,
)

# Beginnings of words for taking away and turning off, and what a text that tells it may say.
_TAKEN_AWAY: Final = "remov|delet|eras|uninstall|unlearn|unlink|unpair|unsubscrib|unregister"
_TURNED_OFF: Final = "disabl|deactivat"
_UNDOES: Final = re.compile(
    rf"\b(?:(?:{_TAKEN_AWAY}|{_TURNED_OFF})\w*|get(?:ting)? rid|opt(?:ing)? out"
    r"|(?:turn|switch)(?:ing|ed)? (?:[\w-]+ ){0,3}off)\b"
)
_UNDONE: Final = re.compile(
    rf"\b(?:{_TAKEN_AWAY}|{_TURNED_OFF}|clear|clean|empt|purg|wip|prun|discard|drop|trash|forget|forgot"
    r"|detach|disassembl|deconstruct|dismantl|demolish|destroy|compact|cancel|clos|exit|quit|leav"
    r"|reset|revert|revok|undo|unset|unmount|eject|uncheck|untick|deselect|toggl|hid|mut|block"
    r"|ban|kick|reject|expir|dispos|throw|strip|cure|heal|exclud|exempt|prevent|avoid|stop|paus"
    r"|suspend|mov|pull|rid\b|off\b|out\b|rm\b|never\b|not?\b|cannot\b|none\b|without\b)"
    r"|n['\u2019]t\b",
    re.IGNORECASE,
)
_PLATFORMS: Final = tuple(
    re.compile(rf"\b(?:{names})\b", re.IGNORECASE)
    for names in (
        r"ios|iphones?|ipads?|ipados",
        r"android|lineageos|graphene ?os",
        r"mac|macs|mac ?os(?: x)?|os ?x|macbooks?",
        r"windows(?= (?:\d|xp|vista|users?|pcs?))|windows(?! \w)|win(?:10|11|32|64)|on windows",
        r"linux|ubuntu|debian|fedora|arch linux|linux mint|gnome|kde",
        r"xbox|playstation|ps[345]|nintendo switch|consoles?",
    )
)


def lacking(question: str, text: str) -> bool:
    """Whether a text lacks what no answer to a question can lack.

    Args:
        question: spelt out and in lower case.
        text: of a passage with title and heading.
    """
    if not all(_has_one(side, text) for side in _compared(question)):
        return True
    if _UNDOES.search(question) is not None and _UNDONE.search(text) is None:
        return True
    if _is_of_another_platform(question, text):
        return True
    if _HAPPENED.search(question) is None:
        return False
    return all(found.group().lower() in question for found in _DATE.finditer(text))


def _is_of_another_platform(question: str, text: str) -> bool:
    """Whether a question names platforms, and a text others than these alone."""
    asked = [one for one in _PLATFORMS if one.search(question) is not None]
    if not asked or any(one.search(text) is not None for one in asked):
        return False
    return any(one.search(text) is not None for one in _PLATFORMS)


@lru_cache(maxsize=256)
def _compared(question: str) -> tuple[_Words, ...]:
    """The words of the two sides that a question compares; nothing where it does not, or of none.

    Words that both sides have tell neither. Where the right is the longer it ends with what both
    are ("open and closed AI"), or goes on about something else.
    """
    found = next(filter(None, (pattern.search(question) for pattern in _COMPARED)), None)
    if found is None:
        return ()
    left, right = topic(found["left"]), topic(found["right"])
    own_left, own_right = _without(left, right), _without(right, left)
    if not own_left or not own_right:
        return ()
    return own_left, own_right[: len(own_left)]


def topic(text: str) -> _Words:
    """The words of a question that are not of mere grammar, each by its forms."""
    return tuple(
        [
            word.forms
            for word in query_words(text)
            if not word.optional and not any(is_stop_word(form, "en") for form in word.forms)
        ]
    )


def _without(words: _Words, others: _Words) -> _Words:
    known = {form for forms in others for form in forms}
    return tuple([forms for forms in words if known.isdisjoint(forms)])


def _has_one(words: _Words, text: str) -> bool:
    """Whether a text has one of some words, be it in a longer one or cut ("SM-2" is "sm2")."""
    found = word_set(text)
    forms = [form for some in words for form in some]
    if any(form in found for form in forms):
        return True
    squeezed = _SIGNS.sub("", text.lower())
    return any(len(form) > 2 and form in squeezed for form in forms)

"""Necessary condition of an answer: that it speaks of the platform asked about. Pure.

Whoever asks about one platform is not answered by what is said of another, however near that is.
What fits is no sign that a passage answers. Platforms are named alike in most languages.
"""

import re
from typing import Final

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
    """Whether a question names platforms, and a text others than these alone.

    Args:
        question: spelt out and in lower case.
        text: of a passage with title and heading.
    """
    asked = [one for one in _PLATFORMS if one.search(question) is not None]
    if not asked or any(one.search(text) is not None for one in asked):
        return False
    return any(one.search(text) is not None for one in _PLATFORMS)

"""Platform check: a text about Windows is no strong evidence for a question about an iPhone."""

import re
from typing import Final

# Platforms, named alike in most languages. A passage about one doesn't answer a question about
# another.
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


def names_other_platform(question: str, text: str) -> bool:
    """Whether a question names platforms, and a text names only other platforms.

    Args:
        question: normalized and in lower case.
        text: the passage with title and heading.
    """
    asked = [one for one in _PLATFORMS if one.search(question) is not None]
    if not asked or any(one.search(text) is not None for one in asked):
        return False
    return any(one.search(text) is not None for one in _PLATFORMS)

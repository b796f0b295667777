"""A measure that tells English from German, for what a German client is shown."""

import re
from typing import Final

from tests.bot.text.test_languages import MESSAGES

# No German sentence has these between blanks, and hardly an English one has none of them.
_ENGLISH: Final = re.compile(
    r"(?<![\w/`.])(the|is|are|your|you|this|that|with|not|for|of|and|to|by|from|has|have|what|"
    r"nothing|or|no|it|its|if|these|approved|note|notes|question|questions|page|reason|answered)(?![\w/`.])",
    re.IGNORECASE,
)


# Code, addresses, and the name of a command: names are English in every language.
CODE: Final = re.compile(r"`[^`]*`|<[^>]*>|https?://\S+|Answer with a note…")


def in_english(lines: list[str]) -> list[str]:
    """Those that look as if they were English, or have a sentence that is."""
    found = [line for line in lines if _ENGLISH.search(line)]
    # Wordings are compared as far as their first field, and only where that says something.
    differing = [one.id[0] for one in MESSAGES if one.id != one.translated]
    beginnings = {english.split("{")[0].strip() for english in differing}
    telling = [beginning for beginning in beginnings if len(beginning) >= 14]
    return [*found, *(line for line in lines if any(line.startswith(one) for one in telling))]

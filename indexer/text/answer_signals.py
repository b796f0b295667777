"""Names in a question. Pure."""

import re
from typing import Final

_TOKEN: Final = re.compile(r"\w[\w.'’-]*")


def names(question: str) -> list[str]:
    """Capitalised words other than the first, and words with digits.

    A question in capitals, Or In Title Case, tells nothing by them: only digits count then.
    """
    tokens = _TOKEN.findall(question)
    capitals = sum(token[0].isupper() for token in tokens)
    telling = capitals <= 0.7 * len(tokens)
    return [
        name
        for i, name in enumerate(tokens)
        if any(character.isdigit() for character in name)
        or (telling and i > 0 and name[0].isupper() and name != "I")
    ]

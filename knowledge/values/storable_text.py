"""Text as any database can keep it: without U+0000 and halves of surrogate pairs.

JSON can name both, and neither is a sign of any writing. Whatever members, files, pages and imports
say passes through here once, where it becomes one of our values.
"""

import re
from typing import Final

# A half of a pair can't be written as UTF-8.
_HALVES: Final = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text; U+0000 is left out, and half a pair becomes the sign for what is none."""
    if text.isascii():
        return text.replace("\0", "")
    return _HALVES.sub("\ufffd", text).replace("\0", "")

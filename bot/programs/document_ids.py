"""Ids of documents for other programs: none says where a file lies on this machine."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from bot.core.core import Core
from knowledge.values.documents import Scope

# A file, and what a repository on this machine has; a server's own come with its scope.
_WITH_PATH: Final = re.compile(r"(file:)|(git:)(?:-?\d+:)?(?:file://|/)")
_CHARACTERS: Final = 24
_DIGEST: Final = re.compile(rf"(file:|git:)[0-9a-f]{{{_CHARACTERS}}}")


def shown_id(document_id: str) -> str:
    """The id by which programs know a document: a digest takes the place of a path."""
    found = _WITH_PATH.match(document_id)
    if found is None:
        return document_id
    kind = found[1] or found[2]
    return f"{kind}{hashlib.sha256(document_id.encode()).hexdigest()[:_CHARACTERS]}"


def known_id(core: Core, shown: str, scopes: Sequence[Scope]) -> str:
    """The id of the document that a program knows by this one; blank if there is none."""
    found = _DIGEST.fullmatch(shown)
    if found is None:
        return "" if _WITH_PATH.match(shown) else shown
    candidates = core.index.tables.document_ids(found[1], core.articles.seen(scopes))
    return next((one for one in candidates if shown_id(one) == shown), "")

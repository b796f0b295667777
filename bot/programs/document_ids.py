"""Public ids of documents, without paths of this machine."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from bot.core.core import Core
from knowledge.values.documents import Scope

# Files, and documents of a local repository. A server's own documents come with their scope.
_WITH_PATH: Final = re.compile(r"(file:)|(git:)(?:-?\d+:)?(?:file://|/)")
_CHARACTERS: Final = 24
_DIGEST: Final = re.compile(rf"(file:|git:)[0-9a-f]{{{_CHARACTERS}}}")


def shown_id(document_id: str) -> str:
    """Return a document's public id; a hash replaces a path."""
    found = _WITH_PATH.match(document_id)
    if found is None:
        return document_id
    kind = found[1] or found[2]
    return f"{kind}{hashlib.sha256(document_id.encode()).hexdigest()[:_CHARACTERS]}"


def known_id(core: Core, shown: str, scopes: Sequence[Scope]) -> str:
    """Return the document's id for a public id, or an empty string."""
    found = _DIGEST.fullmatch(shown)
    if found is None:
        return "" if _WITH_PATH.match(shown) else shown
    candidates = core.index.tables.document_ids(found[1], core.articles.seen(scopes))
    return next((one for one in candidates if shown_id(one) == shown), "")

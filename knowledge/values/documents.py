"""Documents and their scopes: the units that can be quoted, and who may be shown them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NewType

from knowledge.text import storable

Scope = NewType("Scope", int)
"""Who a document is for: `SHARED`, the id of one guild, or the readers of one of its channels."""

SHARED: Final = Scope(0)
# Bundled articles are for everyone who has nothing better. No channel's scope is as low.
ARTICLES: Final = Scope(-(2**63))


def channel_scope(channel_id: int) -> Scope:
    """The scope of those who may read a channel.

    It is negative: an old guild's first channel has the very id of the guild.
    """
    return Scope(-channel_id)


def channel_of(scope: Scope) -> int | None:
    """The id of the channel whose readers a scope is, or None."""
    return -scope if ARTICLES < scope < SHARED else None


# Stands between a file's id or path and what is one of several inside it: a file in a zip, a
# conversation in a chat export.
INSIDE: Final = "!/"
_NOTE: Final = "note:"


class Kind(StrEnum):
    """Where a document comes from."""

    ARTICLE = "article"
    FILE = "file"
    NOTE = "note"
    CHAT = "chat"
    PAGE = "page"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Lines:
    """How a document's link names lines of the file that it is.

    `first` is the line on which the text begins; where it is another text than the file's, 0, and
    `headings` are the lines on which its headings stand. `form` is what stands behind a `#`, with
    `{first}` and `{last}` in it.
    """

    first: int
    form: str
    headings: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The unit people write and we cite.

    `id` is stable for as long as the document exists: `article:<name>`, `file:<path>`,
    `note:<number>`, `page:<address>`, `git:<repository>:<path>` or
    `channel:<channel>:<thread>:<message>`; that of what is inside a file begins with the file's.
    `text` is Markdown without its front matter.
    """

    id: str
    scope: Scope
    kind: Kind
    title: str
    text: str
    link: str = ""
    tags: tuple[str, ...] = ()
    contributor: str = ""
    verified: date | None = None
    revision: int | None = None
    approved_by: str = ""
    lines: Lines | None = None
    anchors: str | None = None

    def __post_init__(self) -> None:
        for name in ("id", "title", "text", "link", "contributor", "approved_by"):
            object.__setattr__(self, name, storable(getattr(self, name)))
        object.__setattr__(self, "tags", tuple(map(storable, self.tags)))


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be read: which, and the sentence that says why.

    `document_id` is the document it would have been, which keeps its last good text.
    """

    source: str
    reason: str
    document_id: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What is known of an imported file, so that it is not read again until it changes.

    `document_id` is the file's own; those of the files in a zip begin with it. `documents` are the
    ids of what can be quoted from it, last good texts included. `mtime_ns` is None where size and
    time can't be trusted to tell the next change. `readers` is the version of the readers, and
    `withheld` that of whose messages were left out; it is empty for a file without chats. `link`
    is where the file could be read on the web.
    """

    path: str
    scope: Scope
    document_id: str
    size: int
    mtime_ns: int | None
    digest: str
    readers: int
    read_at: datetime
    documents: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    withheld: str = ""
    link: str = ""


def document_of_note(number: int) -> str:
    """The id of the document that a note is."""
    return f"{_NOTE}{number}"


def note_of_document(document_id: str) -> int | None:
    """The number of the note that a document is; None if it is of another kind."""
    number = document_id.removeprefix(_NOTE)
    return int(number) if number != document_id else None

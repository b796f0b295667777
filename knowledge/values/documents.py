"""Documents (the units of quotation) and their scopes (the members they are for)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NewType

from knowledge.text import storable

Scope = NewType("Scope", int)
"""Who a document is for: `SHARED`, the id of one guild, or the readers of one of its channels."""

SHARED: Final = Scope(0)
# A longer title is cut.
TITLE_CHARACTERS: Final = 500
# Bundled articles have the lowest scope, below every channel's.
ARTICLES: Final = Scope(-(2**63))


def channel_scope(channel_id: int) -> Scope:
    """The scope of a channel's readers.

    It is negative, because an old guild's first channel has the guild's id.
    """
    return Scope(-channel_id)


def channel_of(scope: Scope) -> int | None:
    """The id of a channel scope's channel; None for other scopes."""
    return -scope if ARTICLES < scope < SHARED else None


# Above the ids of Discord until 2049.
_SERVER: Final = 1 << 62


def server_scope(guild_id: int) -> Scope:
    """The scope of the documents on a server itself: its channels, rules and events.

    A scope of their own keeps these short texts out of all other rankings.
    """
    return Scope(guild_id | _SERVER)


def guild_of_server(scope: Scope) -> int:
    return scope & ~_SERVER


def server_scopes(scopes: Iterable[Scope]) -> dict[int, Scope]:
    """The server scopes of the guilds among some scopes, by guild id."""
    return {scope: server_scope(scope) for scope in scopes if scope > SHARED}


def is_server_scope(scope: Scope) -> bool:
    return scope >= _SERVER


# Separates a file's id or path from a part inside it: a file in a ZIP, a conversation in an export.
INSIDE: Final = "!/"
_NOTE: Final = "note:"
_ARTICLE: Final = "article:"
_ON_SERVER: Final = "server:"


class Kind(StrEnum):
    """Kinds of documents, by their source."""

    ARTICLE = "article"
    FILE = "file"
    NOTE = "note"
    CHAT = "chat"
    PAGE = "page"
    CHANNEL = "channel"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Lines:
    """Line numbers for links to the file with a document's text.

    Attributes:
        first: the line of the file where the text begins. It is 0 if the lines of the text aren't
            the lines of the file, for example because the text was converted from markup.
        form: the fragment of the link, with the placeholders `{first}` and `{last}`.
        headings: the text's headings, each with its line in the file; needed only if `first` is 0.
    """

    first: int
    form: str
    headings: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A quotable text with its title and scope.

    `id` is stable for as long as the document exists: `article:<name>`, `file:<path>`,
    `note:<number>`, `page:<address>`, `git:<repository>:<path>`,
    `channel:<channel>:<thread>:<message>` or `server:<guild>:<channel or event>`; the id of a part
    of a file begins with the file's id. `text` is Markdown without its front matter. `wordings` are
    other ways to ask the question that the document answers; they are never quoted.
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
    wordings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("id", "title", "text", "link", "contributor", "approved_by"):
            object.__setattr__(self, name, storable(getattr(self, name)))
        for name in ("tags", "wordings"):
            object.__setattr__(self, name, tuple(map(storable, getattr(self, name))))
        object.__setattr__(self, "title", self.title[:TITLE_CHARACTERS])


@dataclass(frozen=True, slots=True)
class Failure:
    """An unreadable source, with a sentence for the reason.

    The text that was last read from the source stays in the document `document_id`.
    """

    source: str
    reason: str
    document_id: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """The record of an imported file, so the file is read again only after a change.

    Attributes:
        document_id: ids of files in a ZIP begin with it.
        mtime_ns: the file's time of modification. None if the next scan has to read the file again,
            because it couldn't be read whole, or changed so shortly before it was read that a later
            change may have left its size and time the same.
        digest: the digest of the content; empty if the file couldn't be read whole.
        readers: the version of the parsers.
        documents: the ids of the quotable documents in the file. A document that can't be read any
            more keeps its last good text, and is included.
        withheld: the version of the opt-outs from quotation; empty for a file without chats.
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
    return f"{_NOTE}{number}"


def note_of_document(document_id: str) -> int | None:
    """The number of the note with this document id; None for other kinds."""
    number = document_id.removeprefix(_NOTE)
    return int(number) if number != document_id else None


def document_of_server(guild_id: int, key: str) -> str:
    """The document id of a guild's channel, event or welcome; the prefix of all with key "".

    The key of a channel is its mention.
    """
    return f"{_ON_SERVER}{guild_id}:{key}"


def channel_mention(document_id: str) -> str:
    """The mention of the channel with this document id; empty for other documents."""
    _, _, key = document_id.removeprefix(_ON_SERVER).partition(":")
    return key if document_id.startswith(_ON_SERVER) and key.startswith("<#") else ""


def document_of_article(name: str) -> str:
    return f"{_ARTICLE}{name}"


def article_of_document(document_id: str) -> str:
    """The name of the bundled article with this document id; empty for other documents."""
    name = document_id.removeprefix(_ARTICLE)
    return name if name != document_id else ""

"""Protocol of sources: a class for each kind lists a source's entries, and gets one's content.

The sync (`knowledge.sources.sync`) calls `listing` once per visit, and `content` for each entry
with a new revision. Sources store nothing: the sync stores the entries, and a listing's state
between visits. What a kind doesn't override is the same for all kinds.
"""

import json
import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from knowledge.files.site_addresses import OWN
from knowledge.sources.entries import Entry, EntryStore, SyncState
from knowledge.sources.net.addresses import host_of
from knowledge.sources.net.api_client import Answer, ApiClient, is_busy
from knowledge.sources.net.polite_fetcher import Fetcher, Gone, Unchanged
from knowledge.sources.net.safe_network import RefusedError
from knowledge.values.documents import SHARED, Document, Failure, Kind, Scope

INTERNAL: Final = "internal+"
# Beginning of the reason of pages with a rule against quoting, which is no failure.
HIDES: Final = "asks programs not to show it"

_SIGN: Final = re.compile(r"(?P<dot>\.(?=[A-Z0-9]))|[^A-Z0-9]")


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry in a listing, by a `key` that stays when the entry moves.

    Its `revision` differs after every change; it is empty if only a request for the entry can tell.
    Then `modified` may be the time of the last change.
    """

    key: str
    revision: str = ""
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """An entry, deleted or no longer readable."""

    key: str


@dataclass(frozen=True, slots=True)
class ListingEnd:
    """The end of a listing; `reason` is its problem, as the rest of a sentence about the source.

    `state` is passed to the next listing, which then lists only the changes. Its keys `licence` and
    `commit` are shown with the source. If the listing is `whole`, the sync takes out all other
    entries.
    """

    state: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False
    reason: str = ""


# A listing yields entries, and returns its end.
Listing = Generator[Listed | Removed, None, ListingEnd]


@dataclass(frozen=True, slots=True)
class Content:
    """The content of an entry.

    Without a `title`, the first heading becomes it; `titles` are further ones, such as redirects'.
    `text` is given if the kind parses its files itself; `body` isn't stored then. `verified` is the
    day of the last change by the source's users, `attribution` the source and licence to cite, and
    `hidden` the host's rule against quoting. `revision` and `last_modified` are the conditions of
    the next request; by default the listing's revision. A list of the source's entries (`is_list`)
    is no document. `details` are stored as JSON.
    """

    title: str
    body: bytes
    link: str
    content_type: str = "text/html"
    text: str | None = None
    anchors: str = OWN
    verified: date | None = None
    titles: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    attribution: str = ""
    revision: str = ""
    last_modified: str = ""
    hidden: str = ""
    is_list: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """The key leads to no part of the source; nothing is stored."""


@dataclass(frozen=True, slots=True)
class SyncStep:
    """Progress of a sync: the number of finished and of listed entries, and the last entry."""

    done: int
    total: int
    key: str


@dataclass(frozen=True, slots=True)
class Visit:
    """The means and limits of a visit to one source.

    The fetcher's clock ends the visit. `grace` is how long gone entries are still quoted, `folder`
    the data folder (for clones), and `most` the bytes to store (None is unlimited). `login` is
    advice for the operator if the source asks for one; `without` are people to leave out, by name.
    """

    entries: EntryStore
    fetcher: Fetcher
    now: datetime
    grace: timedelta
    folder: Path = Path()
    most: int | None = None
    token: str = ""
    login: str = ""
    without: Collection[str] = ()


class EntryError(RefusedError):
    """An entry can't be had, but its host works: such failures in a row end no visit."""


class AnswerFormatError(RefusedError):
    """An answer lacks a field, or has a field of an unexpected type."""


class Source:
    """A source of documents, made from its location.

    A location is an address or a path. Most kinds are a prefix of it, and their options come after
    `#`. The prefix `internal+` marks a source on an internal host, which only the operator can add.

    A kind declares how it is read. Sources that aren't `is_visited` are watched, as folders are. A
    listing that `lists_as_it_reads` needs the entries listed before, as a crawl does. Entries that
    a whole listing lacks are quoted for a time of grace with the reason `unlisted`, or deleted at
    once if that is empty. Without `may_be_empty`, an empty listing changes nothing. `list_key` is
    the entry with the list of the others. `waiting` counts entries still to be listed, as far as
    known. `without` are people to leave out, casefolded.
    """

    kind: ClassVar[str] = ""
    label: ClassVar[str] = ""
    unit: ClassVar[str] = "page"
    is_visited: ClassVar[bool] = True
    lists_as_it_reads: ClassVar[bool] = False
    unlisted: ClassVar[str] = ""
    may_be_empty: ClassVar[bool] = False
    may_lack_text: ClassVar[bool] = False
    obeys_robots: ClassVar[bool] = False
    has_threads: ClassVar[bool] = False
    list_key: str = ""
    waiting: int = 0
    without: frozenset[str] = frozenset()
    visit: Visit

    def __init__(self, location: str) -> None:
        self.location = location
        own = location.removeprefix(INTERNAL)
        self.is_internal = own != location
        self.url, _, self.options = own.removeprefix(f"{self.kind}+").partition("#")

    @classmethod
    def locate(cls, url: str, options: str = "", *, internal: bool = False) -> str:
        """The location of a source of this kind."""
        marks = f"{INTERNAL if internal else ''}{cls.kind}{'+' if cls.kind else ''}"
        return f"{marks}{url}{'#' if options else ''}{options}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and self.location == other.location

    def __hash__(self) -> int:
        return hash(self.location)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.location!r})"

    @property
    def path(self) -> str:
        """The path of a source on this machine; empty for one on the web."""
        return ""

    @property
    def host(self) -> str:
        """The scheme, host and port of the source, or its path."""
        return self.path or host_of(self.url)

    @property
    def parts(self) -> Sequence[str]:
        """The branch, folder or filters; empty for all."""
        return ()

    # A visit. All methods may raise RefusedError.

    def open(self, visit: Visit) -> None:
        self.visit = visit

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the entries changed since the visit with the final `state`; all if empty."""
        raise RefusedError("is of a kind that this release doesn't read")
        yield

    def content(self, key: str) -> "Content | Unchanged | Gone | Skipped | None":
        """Get an entry; None if it is gone or must not be quoted, `Gone` if it may come back."""
        raise NotImplementedError

    def close(self) -> None:
        pass

    def has_named(self, text: str) -> bool:
        """Whether a stored text names a person of `without`."""
        return False

    # Quotation.

    @property
    def id_prefix(self) -> str:
        """The part of documents' ids that all sources with the same documents share."""
        return self.url

    def document_id(self, entry: Entry, scope: Scope) -> str:
        """The id of an entry's document. A move or a new revision doesn't change it."""
        whose = "" if scope == SHARED else f"{scope}:"
        return f"{self.kind}:{whose}{self.id_prefix}:{entry.key}"

    def document(self, entry: Entry, scope: Scope, state: SyncState, base_url: str) -> Document:
        details = entry.data
        verified = details.get("verified")
        return Document(
            id=self.document_id(entry, scope),
            scope=scope,
            kind=Kind.PAGE,
            title=entry.title,
            text=entry.text,
            link=entry.link or self.link_of(entry.key),
            tags=tuple(details.get("tags", ())),
            verified=date.fromisoformat(verified) if verified else None,
            anchors=details.get("anchors", OWN),
            contributor=details.get("attribution", ""),
            wordings=tuple(details.get("titles", ())),
        )

    def link_of(self, key: str) -> str:
        """The link of an entry without a stored link."""
        return ""

    def entry_name(self, entry: Entry) -> str:
        """The name of an entry in the report of its failure."""
        return f"{self.url} › {entry.title or entry.key}"

    def duplicates(self, entries: EntryStore) -> Collection[str]:
        """The keys of entries with a duplicate in the source."""
        return ()

    def document_ids(self, entries: EntryStore, scope: Scope) -> list[str]:
        """The ids of the documents, and of stored entries that are no documents yet."""
        return [self.document_id(entry, scope) for entry in entries.outlines(self.location)]

    def documents(
        self, entries: EntryStore, scope: Scope, base_url: str = ""
    ) -> Iterator[Document | Failure]:
        """The documents and failures; `base_url` replaces the address of a repository's files."""
        state, duplicates = entries.state(self.location), self.duplicates(entries)
        for entry in entries.of(self.location):
            if entry.text and entry.key not in duplicates:
                yield self.document(entry, scope, state, base_url)
        yield from self.failures(entries, scope)

    def failures(self, entries: EntryStore, scope: Scope) -> Iterator[Failure]:
        """All failures of the source and its entries."""
        state = entries.state(self.location)
        missing = "has not been fetched yet: run `commonplace source sync`"
        if reason := missing if state.synced_at is None else state.reason:
            yield Failure(self.url, f"{reason}.", f"site:{self.location}")
        for entry in entries.outlines(self.location):
            # The start of a crawl may lack the slash at its end.
            is_start = self.url in (entry.key, entry.key.rstrip("/"))
            if entry.reason.startswith(HIDES) and not is_start:
                continue
            if entry.reason and (entry.key != self.list_key or not state.reason):
                own = self.document_id(entry, scope) if entry.text else ""
                yield Failure(self.entry_name(entry), f"{entry.reason}.", own)


def is_root(url: str) -> bool:
    """Whether an address is its host's root."""
    return urlsplit(url).path in ("", "/")


def any_value(_value: str) -> str:
    """Accept any value of a filter; the check finds no problem."""
    return ""


class Service(Source):
    """A kind that `source add --kind` names: a wiki, forum or tracker with an API, or a feed.

    `filters` has a check for each filter's value, which returns the problem as the rest of a
    sentence. `only` are the filters of this source, sorted by name.
    """

    may_lack_text = True
    filters: ClassVar[Mapping[str, Callable[[str], str]]] = {}
    api: ApiClient

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.only = tuple(parse_qsl(self.options))

    @classmethod
    def locate_only(
        cls, url: str, only: Sequence[tuple[str, str]] = (), *, internal: bool = False
    ) -> str:
        return cls.locate(url, urlencode(only), internal=internal)

    @property
    def parts(self) -> Sequence[str]:
        return [f"{name}={value}" for name, value in self.only]

    def values_of(self, name: str) -> list[str]:
        """The values of a filter."""
        return [value for key, value in self.only if key == name]

    def open(self, visit: Visit) -> None:
        super().open(visit)
        self.connect(visit.fetcher, visit.token)

    def connect(self, fetcher: Fetcher, token: str = "") -> None:
        """Prepare the client of the API."""
        headers = self.headers(token) if token else ()
        self.api = ApiClient(fetcher, self.api_address(self.url), headers, self.is_busy)

    @staticmethod
    def headers(token: str) -> list[tuple[str, str]]:
        """The headers with a token."""
        return [("Authorization", f"Bearer {token}")]

    @staticmethod
    def api_address(url: str) -> str:
        """Convert the service's address for readers to the address of its API."""
        return url

    @staticmethod
    def is_busy(answer: Answer) -> bool:
        """Whether an answer asks the client to wait."""
        return is_busy(answer)

    @staticmethod
    def normal_address(url: str) -> str:
        """Normalize an address for readers.

        Raises ValueError if the address isn't such a service; the message is the rest of a
        sentence.
        """
        return url

    @staticmethod
    def recognises(url: str) -> bool:
        """Whether an address alone shows that a service is of this kind."""
        return False

    @staticmethod
    def home(url: str, page: bytes) -> str:
        """The service's address if this is its root or main page; empty for other pages."""
        return url if is_root(url) else ""


def token_variable(url: str) -> str:
    """The environment variable with the operator's token for the host and port of an address.

    Two hosts or ports never have the same variable: a dot before a letter or digit becomes `_`, any
    other sign `__` and its hexadecimal number. Port 443 is left out.
    """
    host = urlsplit(host_of(url))
    named = host.netloc if host.port or host.scheme == "https" else f"{host.netloc}:80"
    written = _SIGN.sub(lambda sign: "_" if sign["dot"] else f"__{ord(sign[0]):02X}", named.upper())
    return f"COMMONPLACE_SOURCE_TOKEN_{written}"


_ACCESS_ERRORS: Final = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


@contextmanager
def checked_answers() -> Iterator[None]:
    """Convert errors from reading an answer's fields to `AnswerFormatError`."""
    try:
        yield
    except _ACCESS_ERRORS as error:
        raise AnswerFormatError("answers in a form that can't be understood") from error


def dump_details(details: Mapping[str, Any]) -> str:
    """The details of an entry as JSON, without empty values."""
    told = {name: value for name, value in details.items() if value}
    return json.dumps(told) if told else ""

"""Interface of connectors: list the changed documents of a service, get a document.

The sync calls `listing` once per visit, then `content` for each document with a new revision.
Connectors store nothing; the sync stores the documents, and a connector's state between visits.
"""

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol
from urllib.parse import urlsplit

from knowledge.files.site_addresses import OWN
from knowledge.sources.locations import ServiceLocation
from knowledge.sources.net.addresses import host_of
from knowledge.sources.net.api_client import Answer, ApiClient, is_busy
from knowledge.sources.net.safe_network import RefusedError

_SIGN: Final = re.compile(r"(?P<dot>\.(?=[A-Z0-9]))|[^A-Z0-9]")


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document in a listing.

    Attributes:
        key: the service's own id, unchanged when the document moves.
        revision: a string that changes with every change of the document.
    """

    key: str
    revision: str


@dataclass(frozen=True, slots=True)
class RemovedDocument:
    """A document that was deleted or is no longer readable."""

    key: str


@dataclass(frozen=True, slots=True)
class ListingEnd:
    """The end of a listing.

    Attributes:
        state: the state to pass to the next listing, which then lists only the changes. The key
            `licence` has the licence to show with the source.
        whole: whether every document was listed. If so, the sync drops all other documents.
    """

    state: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False


# A listing yields documents, and returns its end.
Listing = Generator[ListedDocument | RemovedDocument, None, ListingEnd]


@dataclass(frozen=True, slots=True)
class Content:
    """A document as sent by its service.

    Attributes:
        title: the document's title; if empty, the first heading becomes the title.
        body: HTML or Markdown in UTF-8, depending on `suffix`.
        link: the address of the document's page for readers.
        anchors: the rule for the anchors of headings (`knowledge.files.site_addresses`).
        verified: the date of the last change by the service's users.
        titles: further titles, such as the titles of redirects to the document.
        attribution: the source and licence to name in a citation.
    """

    title: str
    body: bytes
    link: str
    suffix: str = ".html"
    anchors: str = OWN
    verified: date | None = None
    titles: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    attribution: str = ""


class Connector(Protocol):
    """Client of one service for one visit; all methods may raise RefusedError."""

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the documents changed since the visit that ended with `state`; all if empty."""
        ...

    def content(self, key: str) -> Content | None:
        """Get a document; None if the document is gone or must not be quoted."""
        ...


def any_value(_value: str) -> str:
    """Accept any value of a filter; the check finds no problem."""
    return ""


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """A kind of service.

    Attributes:
        name: the name of the kind for readers.
        make: opens a connector for a location.
        only: the filters by name, each with a check of its value. A check returns the problem as
            the rest of a sentence, or an empty string.
        headers: makes the request headers with a token.
        api: converts the service's address for readers to the address of its API.
        busy: whether an answer asks the client to wait.
        address: normalizes an address for readers; raises ValueError with the problem as the rest
            of a sentence.
        recognises: whether an address alone shows that a service is of this kind.
        has_threads: whether the documents are threads, in which people can be left out.
        home: takes a page's address and content. Returns the service's address if the page is the
            service's root or main page, or else an empty string.
    """

    name: str
    make: Callable[[ServiceLocation, ApiClient], Connector]
    only: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    headers: Callable[[str], list[tuple[str, str]]] = lambda token: [
        ("Authorization", f"Bearer {token}")
    ]
    api: Callable[[str], str] = str
    busy: Callable[[Answer], bool] = is_busy
    address: Callable[[str], str] = str
    recognises: Callable[[str], bool] = lambda url: False
    has_threads: bool = False
    home: Callable[[str, bytes], str] = lambda url, page: url if is_root(url) else ""


def token_variable(url: str) -> str:
    """The environment variable with the operator's token for the host and port of an address.

    Two hosts or ports never have the same variable: a dot before a letter or digit becomes `_`, any
    other sign `__` and its hexadecimal number. Port 443 is left out.
    """
    host = urlsplit(host_of(url))
    named = host.netloc if host.port or host.scheme == "https" else f"{host.netloc}:80"
    return f"COMMONPLACE_SOURCE_TOKEN_{_SIGN.sub(_sign_in_variable, named.upper())}"


def _sign_in_variable(sign: re.Match[str]) -> str:
    return "_" if sign["dot"] else f"__{ord(sign[0]):02X}"


def is_root(url: str) -> bool:
    """Whether an address is its host's root."""
    return urlsplit(url).path in ("", "/")


class AnswerFormatError(RefusedError):
    """An answer lacks a field, or has a field of an unexpected type."""


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

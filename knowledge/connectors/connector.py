"""Interface of a connector: it lists the changed documents of a service, and gets one.

The sync calls `listing` once a visit, then `content` for each document with a new revision.
Connectors keep nothing; the sync stores documents and the state between visits.
"""

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol
from urllib.parse import urlsplit

from knowledge.connectors.api_client import Answer, ApiClient, is_busy
from knowledge.files.site_addresses import OWN
from knowledge.values.source_locations import ServiceLocation
from knowledge.web.safe_network import RefusedError


@dataclass(frozen=True, slots=True)
class Listed:
    """A document in a listing.

    Attributes:
        key: the service's own id, which stays when the document moves.
        revision: differs after every change of the document.
    """

    key: str
    revision: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A document that is deleted, or may not be read any more."""

    key: str


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a listing.

    Attributes:
        state: passed to the next listing, so it can list changes only. `licence` in it is shown
            with the source.
        whole: the listing named every document, so the others are gone.
    """

    state: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A document as its service has it.

    Attributes:
        title: its title; if empty, the first heading is.
        body: HTML or Markdown in UTF-8; the `suffix` tells which.
        link: its page for readers.
        anchors: the rule for the anchors of its headings (`knowledge.files.site_addresses`).
        verified: the date of its revision.
        titles: further titles, such as those of redirects.
        attribution: the authors or the licence to name in a citation.
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
    """One service, for one visit. All methods raise RefusedError if the service refuses."""

    def listing(self, state: Mapping[str, str]) -> Generator[Listed | Removed, None, Ending]:
        """List the documents changed since a state; all of them if it is empty."""
        ...

    def content(self, key: str) -> Content | None:
        """Get a document; None if it is gone or not to be quoted."""
        ...


def anything(_value: str) -> str:
    """No problem with any value of a filter."""
    return ""


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """A kind of service.

    Attributes:
        name: its name for readers.
        make: opens a connector for a location.
        only: the names of filters, each with a function that returns the problem of a value as the
            rest of a sentence, or nothing.
        headers: the headers that carry a token.
        api: the address of its API, by the address for readers.
        busy: whether an answer asks to come back later.
        address: the canonical form of an address for readers; raises ValueError with the problem
            as the rest of a sentence.
        recognises: whether an address is surely such a service's.
        has_threads: whether it leaves out people by the filter `threads.WITHOUT`.
        home: the address of the whole service, by the address and the content of its root or main
            page; empty for any other page.
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


def token_variable(host: str) -> str:
    """The environment variable with the operator's token for a host."""
    return f"COMMONPLACE_SOURCE_TOKEN_{re.sub(r'[^A-Z0-9]', '_', host.upper())}"


def is_root(url: str) -> bool:
    """Whether an address is its host's root."""
    return urlsplit(url).path in ("", "/")


class FormError(RefusedError):
    """An answer has other fields than its service documents."""


_OF_ANOTHER_FORM: Final = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


@contextmanager
def in_form() -> Iterator[None]:
    """Refuse answers with other fields than their service documents."""
    try:
        yield
    except _OF_ANOTHER_FORM as error:
        raise FormError("answers in a form that can't be understood") from error

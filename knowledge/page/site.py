"""Content of a public site as plain values, its addresses, HTTP headers and readable colours.

`knowledge.page.content` selects the content from the store. The modules that build pages have no
access to the store, so no other text can reach a page.

Addresses are relative to the site's base URL. A note's address contains its number but not its
title, because titles may change or be withdrawn.

Errors:
    Exception
    └── PublishError    the site can't be published; the message names the remedy

Source:
    Web Content Accessibility Guidelines 2.2, "relative luminance" and success criterion 1.4.3.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from knowledge.secrets import without_secrets
from knowledge.text import legible
from knowledge.values.guilds import Language
from knowledge.values.notes import Picture, PictureKind

DEFAULT_ACCENT: Final = "#4752c4"
ARTICLES: Final = "articles/"
NEWEST: Final = "newest/"
ASKED: Final = "asked/"

# A page loads only its own files. Pagefind needs WebAssembly.
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
HEADERS: Final = {
    # Only a header, not a page, can restrict framing.
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # A withdrawn note must not be shown from a cache.
    "Cache-Control": "no-cache",
}

# The raised background of each colour scheme; the other backgrounds have more contrast.
LIGHT: Final = "#f3f4f7"
DARK: Final = "#22252c"
# 1.4.3 asks for 4.5; the rest is for rounding.
CONTRAST: Final = 4.6
_STEPS: Final = 50

# A mention as text, even half in bold, or the address of a profile.
_MEMBER_ID: Final = re.compile(
    r"(?P<before>@!?(?:</?\w{1,10}>){0,4}|discord(?:app)?\.com/users/)\d{15,20}(?!\d)"
)
_NO_TAG_SIGN: Final = re.compile(r"[^\w-]")


class PublishError(Exception):
    """The site can't be published; the message names the remedy."""


@dataclass(frozen=True, slots=True)
class PublishedPicture:
    """A picture without its bytes, which the publisher loads only for a new picture."""

    digest: str
    kind: PictureKind

    @property
    def file_name(self) -> str:
        return f"{self.digest}.{self.kind}"


@dataclass(frozen=True, slots=True)
class PublishedNote:
    """A live note with consent, or a bundled article.

    Texts are as written, possibly with secrets. `printable` removes the secrets when a page is
    rendered. For 10,000 notes this takes seconds, so it isn't done for unchanged pages.

    Attributes:
        verified: the day of the last publication or confirmation.
        updated: when the live revision was approved.
        replaces: the day of the previous approved revision, if any.
        link: the source's address, or empty. Only http and https addresses reach a page.
        related: addresses of related published notes, nearest first.
        asked_count: the number of public questions with the note as the best hit.
        contributor: the names that the authors have chosen for the page, or None.
    """

    address: str
    title: str
    text: str
    tags: tuple[str, ...]
    verified: date
    updated: datetime
    first_published: datetime
    replaces: date | None = None
    link: str = ""
    related: tuple[str, ...] = ()
    asked_count: int = 0
    contributor: str | None = None
    pictures: tuple[PublishedPicture, ...] = ()

    @property
    def is_article(self) -> bool:
        return self.address.startswith(ARTICLES)


@dataclass(frozen=True, slots=True)
class Site:
    """Everything on the site of one server.

    The `welcome` of the first page is Markdown, the `accent` a colour as `#rrggbb`. The invitation
    and the base URL are https addresses, or empty. `gone` are the addresses of former pages.
    """

    name: str
    language: Language = Language.ENGLISH
    welcome: str = ""
    accent: str = DEFAULT_ACCENT
    icon: Picture | None = None
    invite: str = ""
    base_url: str = ""
    indexed: bool = False
    notes: tuple[PublishedNote, ...] = ()
    gone: tuple[str, ...] = ()


def printable(text: str) -> str:
    """Remove secrets, members' ids and invisible characters from a member's text."""
    return without_member_ids(publishable(text))


def publishable(text: str) -> str:
    """Remove secrets and invisible characters from a member's Markdown."""
    return without_secrets(legible(text))


def without_member_ids(shown: str) -> str:
    """Remove Discord's ids of members from a text or from HTML, also from code and addresses."""
    return _MEMBER_ID.sub(r"\g<before>…", shown)


def note_address(note_id: int) -> str:
    return f"notes/{note_id}/"


def article_address(name: str) -> str:
    return f"{ARTICLES}{name}/"


def tag_address(tag: str) -> str:
    """The address of a tag's page: one folder, whatever signs an imported tag has."""
    return f"tags/{_NO_TAG_SIGN.sub(lambda sign: f'~{ord(sign[0]):x}', tag)}/"


def page_url(base_url: str, note_id: int) -> str:
    """The URL of a note's page."""
    return f"{base_url.rstrip('/')}/{note_address(note_id)}"


def article_url(base_url: str, name: str) -> str:
    """The URL of an article's page."""
    return f"{base_url.rstrip('/')}/{article_address(name)}"


def readable_accent(accent: str, background: str) -> str:
    """Mix the accent with black or white until its contrast with the background suffices."""
    towards = 0 if _luminance(background) > 0.5 else 255
    parts = bytes.fromhex(accent.removeprefix("#"))
    for step in range(_STEPS + 1):
        mixed = [round(part + (towards - part) * step / _STEPS) for part in parts]
        colour = "#" + "".join(f"{part:02x}" for part in mixed)
        if contrast(colour, background) >= CONTRAST:
            break
    return colour


def contrast(colour: str, other: str) -> float:
    darker, lighter = sorted((_luminance(colour), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    shares = [part / 255 for part in bytes.fromhex(colour.removeprefix("#"))]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""Addresses of the pages of a site, relative to its base URL.

An address has the note's number and no word of its title: it stays the same whatever the note is
called later, and a title that was taken back doesn't live on in it.
"""

from typing import Final

ARTICLES: Final = "articles/"
NEWEST: Final = "newest/"
ASKED: Final = "asked/"


def note_address(note_id: int) -> str:
    return f"notes/{note_id}/"


def article_address(name: str) -> str:
    return f"{ARTICLES}{name}/"


def tag_address(tag: str) -> str:
    return f"tags/{tag}/"


def page_url(base_url: str, note_id: int) -> str:
    """The URL of a note's page, where the site's base URL is known."""
    return f"{base_url.rstrip('/')}/{note_address(note_id)}"

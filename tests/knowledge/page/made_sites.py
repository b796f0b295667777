"""Sites made up for tests."""

import gzip
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from knowledge.page.publish import Published, publish
from knowledge.page.site import PublishedNote, Site, note_address

AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
BASE_URL = "https://notes.example.org/kb/"


def note(number: int, title: str = "", text: str = "", **values: Any) -> PublishedNote:
    at = AT + timedelta(hours=number)
    made = PublishedNote(
        note_address(number),
        title or f"Title {number}",
        text or f"Text of note {number}.",
        ("ferry",),
        date(2026, 3, 4),
        at,
        at,
    )
    return replace(made, **values)


def site(*notes: PublishedNote, **values: Any) -> Site:
    return replace(Site("The harbour", base_url=BASE_URL, indexed=True, notes=notes), **values)


def published(made: Site, folder: Path, **values: Any) -> Published:
    return publish(made, folder, NullTranslations(), lambda digest: digest.encode(), **values)


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path, with links followed."""
    root = folder.resolve()
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def readable_files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder in lower case, the search index unpacked."""
    return {
        path: (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).lower()
        for path, content in files(folder).items()
    }

"""Feeds: the news of a project, or its releases, in Atom or RSS; parsed in the sandbox.

Source:
    RFC 4287 and https://www.rssboard.org/rss-specification.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

from lxml import etree

from knowledge.files.parsed_file import MAX_BYTES, UnreadableError
from knowledge.files.reader import sandbox
from knowledge.files.sandbox_process import Parsed
from knowledge.sources.kinds.page import failure
from knowledge.sources.net.addresses import normal_url
from knowledge.sources.net.polite_fetcher import LIST_TYPES, PAGE_TYPES, Failed, Fetched
from knowledge.sources.net.safe_network import LostError, RefusedError
from knowledge.sources.source import Content, Listed, Listing, ListingEnd, Removed, Service

_ENDINGS: Final = (".atom", ".rss", "/atom.xml", "/feed", "/feed.xml", "/rss.xml", "/rss")
_TEXTS: Final = ("encoded", "content", "description", "summary")
# The relations of a link to the entry's page.
_PAGE: Final = (None, "alternate")


class Feed(Service):
    """The entries of a feed; `_items` has the title, link, day and text of each by its key."""

    kind = "feed"
    label = "Atom/RSS"

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self._items: dict[str, list[str]] = {}

    @staticmethod
    def recognises(url: str) -> bool:
        return urlsplit(url).path.rstrip("/").endswith(_ENDINGS)

    def listing(self, _state: Mapping[str, str]) -> Listing:
        """List the entries, and as removed those missing between them; older ones are kept."""
        types = PAGE_TYPES | LIST_TYPES | {"application/atom+xml", "application/rss+xml"}
        outcome = self.visit.fetcher.fetch(self.url, types=types, limit=MAX_BYTES)
        if isinstance(outcome, Failed):
            raise failure(outcome)
        if not isinstance(outcome, Fetched):
            raise LostError(getattr(outcome, "reason", ""))
        try:
            parsed = sandbox.begin(parse_feed, outcome.content, outcome.url, lambda _, text: text)
            self._items = json.loads(parsed.result())
        except UnreadableError as error:
            raise RefusedError(str(error).rstrip(".")) from error
        oldest = min((day for _, _, day, _ in self._items.values()), default="~")
        for entry in self.visit.entries.outlines(self.location):
            if entry.key not in self._items and (entry.data.get("verified") or "") >= oldest:
                yield Removed(entry.key)
        for key, item in self._items.items():
            yield Listed(key, sha256(json.dumps(item).encode()).hexdigest())
        return ListingEnd()

    def content(self, key: str) -> Content | None:
        if key not in self._items:
            return None
        title, link, day, text = self._items[key]
        body = f'<link rel="canonical" href="{escape(link)}"><body>{text}'.encode()
        return Content(title, body, link, verified=date.fromisoformat(day) if day else None)


def parse_feed(content: bytes, url: str) -> Parsed:
    """The entries of a feed as JSON; runs in the sandbox."""
    # Feeds of old programs may have characters that XML excludes.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    root = etree.fromstring(content, parser)
    if root is None or _name(root) not in ("feed", "rss", "RDF"):
        raise UnreadableError("is no Atom or RSS feed.")
    parts = (part for part in root.iter() if _name(part) in ("entry", "item"))
    return {}, json.dumps(dict(_item(part, url) for part in parts))


def _item(entry: Any, url: str) -> tuple[str, list[str]]:
    parts = {_name(part): part for part in reversed(entry) if _name(part) != "link"}
    texts = {name: "".join(part.itertext()).strip() for name, part in parts.items()}
    links = [part for part in entry if _name(part) == "link" and part.get("rel") in _PAGE]
    link = (links[0].get("href") or links[0].text or "").strip() if links else ""
    said = next((name for name in _TEXTS if texts.get(name)), "")
    text, form = texts.get(said, ""), parts[said].get("type", "") if said else ""
    if form == "xhtml":
        text = "".join(etree.tostring(part, encoding="unicode") for part in parts[said])
    elif form == "text" or (not form and said in ("content", "summary")):
        text = "".join(f"<p>{escape(line)}</p>" for line in text.splitlines())
    day = _day(texts.get("updated") or texts.get("pubDate") or texts.get("date") or "")
    title = texts.get("title", "")
    return texts.get("id") or texts.get("guid") or link or title, [
        title,
        normal_url(link, url) or url,
        day,
        text,
    ]


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _day(written: str) -> str:
    """The day of a date of Atom or of RSS; empty for other text."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, TypeError, OverflowError):
            moment = parse(written)
            return (moment.astimezone(UTC) if moment.tzinfo else moment).date().isoformat()
    return ""

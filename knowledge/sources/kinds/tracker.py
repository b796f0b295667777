"""Shared parts of the GitHub and GitLab connectors: paged lists, documents of issues and releases.

A list isn't read again while the ETag of its first page stays the same.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from knowledge.chat.conversations import Message
from knowledge.sources.kinds.threads import (
    Place,
    ThreadService,
    is_program,
    maintainers_answer,
    post,
    thread_content,
    visible,
    without_mentions,
)
from knowledge.sources.net.api_client import ApiClient, pages
from knowledge.sources.net.polite_fetcher import Fetcher
from knowledge.sources.net.safe_network import LostError
from knowledge.sources.source import (
    Content,
    Listed,
    Listing,
    ListingEnd,
    Removed,
    any_value,
    token_variable,
)

PAGE_ITEMS: Final = "100"
# Every 30th visit lists all issues, once a month, and drops deleted ones.
WHOLE_EVERY: Final = 30

# Compressed, an issue takes some 2 kB.
REMEMBERED_BYTES: Final = 64_000_000

_NEXT: Final = re.compile(r'<([^<>]{1,2000})>;\s*rel="next"')


class PagedList:
    """A list in pages, each with a link to the next page.

    If the service answers that the list still has the ETag `etag`, no item is read.
    """

    def __init__(self, api: ApiClient, path: str, query: Mapping[str, str], etag: str) -> None:
        self.api = api
        self._first = api.get(
            path, query, [("If-None-Match", etag.encode("latin-1"))] if etag else ()
        )
        self.unchanged = self._first.status == 304
        self.etag = self._first.headers.get("etag", "")[:500]

    def __iter__(self) -> Iterator[Any]:
        return iter(()) if self.unchanged else pages(self._page)

    def _page(self, link: str) -> tuple[Sequence[Any], str]:
        answer = self.api.get(link) if link else self._first
        found = _NEXT.search(answer.headers.get("link", ""))
        return answer.json(), found[1] if found else ""


class ItemCache:
    """Cache of compressed items by key; when it is full, new items are not added."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._room = REMEMBERED_BYTES

    def __len__(self) -> int:
        return len(self._packed)

    def add(self, key: str, item: Mapping[str, Any]) -> None:
        packed = zlib.compress(json.dumps(item).encode(), 1)
        self._room += len(self._packed.pop(key, b""))
        if len(packed) <= self._room:
            self._room -= len(packed)
            self._packed[key] = packed

    def get(self, key: str) -> Any:
        """The item with this key; None if it is not in the cache."""
        packed = self._packed.get(key)
        return json.loads(zlib.decompress(packed)) if packed is not None else None


class ListState:
    """State of a list between visits: time of the last change, ETag, number of visits."""

    def __init__(self, state: Mapping[str, str]) -> None:
        self.visits = int(state.get("visits", "-1")) + 1
        self.latest = state.get("since", "")
        self.is_whole = self.visits % WHOLE_EVERY == 0 or not self.latest
        self.etag = "" if self.is_whole else state.get("etag", "")
        if self.is_whole:
            # A time in the future would hide all changes until then.
            self.latest = ""

    def record_change(self, updated_at: str) -> None:
        self.latest = max(self.latest, updated_at)

    def state(self, etag: str) -> dict[str, str]:
        return {"visits": str(self.visits), "since": self.latest, "etag": etag}


class Tracker(ThreadService):
    """Issues or releases of a project: all, or those with some labels."""

    filters: ClassVar = {"label": any_value}

    def connect(self, fetcher: Fetcher, token: str = "") -> None:
        super().connect(fetcher, token)
        self.items = ItemCache()

    def wants(self, labels: Collection[str]) -> bool:
        chosen = self.values_of("label")
        return not chosen or not set(chosen).isdisjoint(labels)


def changed_issues(
    found: PagedList,
    since: ListState,
    listed: ItemCache,
    key: str,
    may_be_answered: Callable[[Mapping[str, Any]], bool],
) -> Listing:
    """List the changed issues that may have an answer, and cache them in `listed`.

    If only changes are listed, a changed issue that can't have an answer is yielded as removed. If
    all issues are listed, such an issue isn't yielded, and the sync drops its document. `since` is
    updated with each issue, and `key` names the field with its id.
    """
    for issue in found:
        since.record_change(issue["updated_at"])
        if may_be_answered(issue):
            listed.add(str(issue[key]), issue)
            yield Listed(str(issue[key]), issue["updated_at"])
        elif not since.is_whole:
            yield Removed(str(issue[key]))
    return ListingEnd(since.state(found.etag or since.etag), whole=since.is_whole)


def changed_releases(
    api: ApiClient,
    state: Mapping[str, str],
    listed: ItemCache,
    key: str,
    text: Callable[[Mapping[str, Any]], str],
) -> Listing:
    """List the releases with a visible text since the last visit, and cache them in `listed`.

    `key` names the field with a release's id. `text` is empty if it isn't public yet.
    """
    found = PagedList(api, "/releases", {"per_page": PAGE_ITEMS}, state.get("etag", ""))
    for release in found:
        told = text(release)
        if not visible(told):
            continue
        listed.add(str(release[key]), release)
        told = f"{release['name']}\n{told}"
        yield Listed(str(release[key]), hashlib.sha256(told.encode()).hexdigest()[:16])
    if found.unchanged:
        return ListingEnd(state)
    return ListingEnd({"etag": found.etag}, whole=True)


def release_content(
    title: str, text: str, link: str, published_at: str, without: frozenset[str]
) -> Content:
    """The document of a release."""
    return Content(
        title=title,
        body=without_mentions(visible(text), without).encode(),
        link=link,
        content_type="text/markdown",
        verified=datetime.fromisoformat(published_at).date(),
    )


def token_required(data: str, url: str) -> LostError:
    """Make the error for `data`, such as comments, that a service shows only with a token."""
    variable = token_variable(url)
    return LostError(
        f"shows {data} only with a token: the operator adds it for every server on the command "
        f"line, and sets {variable}"
    )


def message(number: int, author: str, written_at: str, body: str | None) -> Message:
    """Convert a tracker's post to a message, whose author is identified by name."""
    return post(number, 0, author, written_at, visible(body or ""), bot=is_program(author))


def issue_content(
    place: Place,
    messages: Sequence[Message],
    maintainers: Collection[str],
    without: frozenset[str],
    labels: Sequence[str],
) -> Content | None:
    """The document of a closed issue; None if no maintainer answered it."""
    answer = maintainers_answer(messages, frozenset(maintainers))
    if answer is None:
        return None
    people = [one for one in messages if not one.bot]
    return thread_content(place, people, answer, without=without, tags=labels)

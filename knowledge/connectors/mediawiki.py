"""MediaWiki connector: rendered pages of a wiki by its API, each cited at its sections.

The first listing names all pages. Later ones ask for recent changes and list only their pages,
after an edit, a move, a deletion or its undoing. Changes without a trace, such as imports on the
server, are found by listing all pages once in four weeks.

Source:
    https://www.mediawiki.org/wiki/API:Main_page
    https://www.mediawiki.org/wiki/API:Etiquette
"""

import hashlib
import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from knowledge.connectors.api_client import (
    Answer,
    ApiClient,
    BusyError,
    EndlessError,
    in_turn,
    is_busy,
)
from knowledge.connectors.connector import (
    Content,
    Ending,
    Listed,
    Removed,
    ServiceKind,
    anything,
    is_root,
)
from knowledge.files.parsed_file import one_line
from knowledge.values.source_locations import ServiceLocation
from knowledge.web.addresses import host_of, normal_url, problem_with_url
from knowledge.web.safe_network import LostError, RefusedError

# Wikis keep recent changes for 90 days by default, Wikimedia's for 30.
_WHOLE_AFTER: Final = timedelta(days=28)
# Changes this long before the last listing are looked at again: servers lag behind each other.
_OVERLAP: Final = timedelta(minutes=10)
# Seconds that a wiki's servers may lag before it is left alone.
_MAXLAG: Final = "5"
# Requests for one list: 500 pages each, or 500 redirects.
_LIST_REQUESTS: Final = 500
# After more changes than these requests name, listing all pages is cheaper.
_CHANGE_REQUESTS: Final = 20
# Pages of one request that names them.
_BATCH: Final = 50
# Changed templates whose pages are read anew, and the most requests to list the pages of one.
_TEMPLATES: Final = 20
_TEMPLATE_REQUESTS: Final = 2
_REDIRECTS: Final = 10
# The most that a wiki may say of some hundred pages before it gets to the next ones.
BATCH_CHARACTERS: Final = 8_000_000
# Pages of a listing whose descriptions are remembered; MediaWiki's titles have 255 bytes at most.
_REMEMBERED: Final = 50_000
_TITLE_CHARACTERS: Final = 255

_BUSY: Final = frozenset({"maxlag", "ratelimited", "readonly"})
_DENIED: Final = frozenset({"readapidenied", "permissiondenied"})
_GONE: Final = frozenset({"nosuchpageid", "missingtitle", "pagecannotexist"})
_TEMPLATE_SPACES: Final = (10, 828)
_API: Final = "/api.php"
_IS_MAIN_PAGE: Final = re.compile(rb"\"wgIsMainPage\"\s{0,9}:\s{0,9}true")
_LINK: Final = re.compile(rb"<link\b[^<>]{0,500}>", re.IGNORECASE)
_HREF: Final = re.compile(rb"href\s*=\s*[\"']([^\"'<>\s]{1,500})", re.IGNORECASE)
_CREATIVE_COMMONS: Final = re.compile(
    r"creativecommons\.org/licen[cs]es/(?P<kind>[a-z-]{2,20})/(?P<version>\d\.\d)", re.IGNORECASE
)
_FREE: Final = re.compile(r"\bCC0\b|public domain|publicdomain", re.IGNORECASE)
_SHOWN: Final = re.compile(r">[^<]*[^<\s][^<]*<")


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of the wiki as a listing describes it."""

    key: str
    title: str
    link: str
    revision: str
    verified: date | None
    redirects: tuple[str, ...]


class MediaWiki:
    """A wiki of MediaWiki, or the pages in some namespaces or categories, or with a prefix."""

    def __init__(self, location: ServiceLocation, api: ApiClient) -> None:
        self._url = location.url
        self._api = api
        only = dict(location.only)
        self._named_spaces = _parts(only.get("namespace", ""))
        self._categories = [_categorised(one) for one in _parts(only.get("category", ""))]
        self._prefix = "".join(_parts(only.get("prefix", "")))
        self._endpoint = ""
        self._attribution = ""
        self._spaces: Mapping[int, str] = {0: ""}
        self._pages: dict[str, _Page] = {}

    def listing(self, state: Mapping[str, str]) -> Generator[Listed | Removed, None, Ending]:
        """List all pages, or after the first time, the recently changed ones."""
        self._endpoint = state.get("api") or self._found_endpoint()
        try:
            site, changes = self._site_and_changes(state.get("since", ""))
        except LostError:
            if "api" not in state:
                raise
            # The wiki may have moved it.
            others = {name: value for name, value in state.items() if name != "api"}
            return (yield from self.listing(others))
        now, licence = _moment(site["curtimestamp"]), _licence(site["query"].get("rightsinfo", {}))
        self._read_site(site["query"], licence)
        listed = state.get("listed", "")
        whole = changes is None or not listed or now - _moment(listed) > _WHOLE_AFTER
        if whole:
            yield from (Listed(page.key, page.revision) for page in self._every_page())
        else:
            yield from self._changed(changes or [])
        kept = {
            "api": self._endpoint,
            "since": _written(now - _OVERLAP),
            "listed": _written(now) if whole else listed,
            "licence": licence,
        }
        return Ending(kept, whole)

    def content(self, key: str) -> Content | None:
        """Get a page as HTML, with its templates rendered."""
        page = self._pages.get(key) or next(self._described([key]), None)
        if page is None:
            return None
        try:
            parsed = self._ask(
                action="parse",
                pageid=key,
                prop="text",
                disableeditsection="1",
                disabletoc="1",
                disablelimitreport="1",
            )["parse"]
        except _GoneError:
            return None
        text = str(parsed["text"])
        return Content(
            title=page.title,
            # A page of nothing but categories is empty, not broken.
            body=text.encode() if _SHOWN.search(text) else b"",
            link=page.link,
            verified=page.verified,
            titles=page.redirects,
            attribution=self._attribution,
        )

    # The site.

    def _found_endpoint(self) -> str:
        """The address of api.php: named by the wiki's page, or in one of its usual places."""
        try:
            if named := _edit_uri(self._api.get(self._url).body):
                return normal_url(named, self._url)
        except LostError:
            # The page may be closed to programs, its API not.
            pass
        host = host_of(self._url)
        for place in dict.fromkeys(
            f"{base}{folder}{_API}" for base in (self._url, host) for folder in ("", "/w")
        ):
            try:
                self._api.json(place, {"action": "query", "meta": "siteinfo", "format": "json"})
            except BusyError:
                raise
            except RefusedError:
                continue
            return place
        raise RefusedError("has no api.php where MediaWiki has it: name the wiki's main page")

    def _site_and_changes(self, since: str) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        """The site's own data, and its changes; None for too many, or for no `since`."""
        asked = {
            "meta": "siteinfo",
            "siprop": "general|namespaces|namespacealiases|rightsinfo",
            "curtimestamp": "1",
        }
        if not since:
            return next(self._query(asked)), None
        recent = {
            "list": "recentchanges",
            "rcprop": "title|ids|timestamp|loginfo",
            "rctype": "edit|new|log",
            "rcend": since,
            "rclimit": "max",
        }
        site: dict[str, Any] = {}
        changes: list[dict[str, Any]] = []
        for number, answer in enumerate(self._query({**asked, **recent})):
            site = site or answer
            changes += answer["query"]["recentchanges"]
            if number >= _CHANGE_REQUESTS:
                return site, None
        untold = any(one["type"] == "log" and _is_untold(one) for one in changes)
        return site, None if untold else changes

    def _read_site(self, site: Mapping[str, Any], licence: str) -> None:
        names = {str(one["id"]): one["id"] for one in site["namespaces"].values()}
        for one in site["namespaces"].values():
            names |= {one["name"].casefold(): one["id"]}
            names |= {str(one.get("canonical", one["name"])).casefold(): one["id"]}
        names |= {one["alias"].casefold(): one["id"] for one in site.get("namespacealiases", ())}
        # A name of a namespace that a wiki translates as "Main" would win.
        names.setdefault("main", 0)
        shown = {one["id"]: one["name"] for one in site["namespaces"].values()}
        if missing := [one for one in self._named_spaces if one.casefold() not in names]:
            raise RefusedError(f"has no namespace {missing[0]}")
        chosen = [names[one.casefold()] for one in self._named_spaces]
        self._spaces = {space: shown[space] for space in chosen or [0]}
        name = one_line(str(site["general"]["sitename"]))[:100]
        self._attribution = f"{name}, {licence}" if licence and not _FREE.search(licence) else ""

    # Pages.

    def _every_page(self) -> Iterator[_Page]:
        spaces = "|".join(map(str, self._spaces))
        for category in self._categories:
            yield from self._found(
                generator="categorymembers", gcmtitle=category, gcmnamespace=spaces, gcmlimit="max"
            )
        for space in self._spaces if not self._categories else ():
            yield from self._found(
                generator="allpages",
                gapnamespace=str(space),
                gapprefix=self._prefix,
                gapfilterredir="nonredirects",
                gaplimit="max",
            )

    def _changed(self, changes: Sequence[Mapping[str, Any]]) -> Iterator[Listed | Removed]:
        """The changed pages, and the pages with a changed template."""
        keys = list(dict.fromkeys(str(one["pageid"]) for one in changes if one["pageid"]))
        present: set[str] = set()
        for first in range(0, len(keys), _BATCH):
            for page in self._described(keys[first : first + _BATCH]):
                present.add(page.key)
                yield Listed(page.key, page.revision)
        yield from (Removed(key) for key in keys if key not in present)
        templates = {one["title"]: one["revid"] for one in reversed(changes) if _is_template(one)}
        for title, revision in list(templates.items())[:_TEMPLATES]:
            for page in self._showing(title):
                if page.key not in present:
                    present.add(page.key)
                    yield Listed(page.key, f"{page.revision}+{revision}")

    def _showing(self, template: str) -> list[_Page]:
        """The pages with a template; none if there are too many to read anew."""
        found = self._found(
            generator="transcludedin",
            titles=template,
            gtinamespace="|".join(map(str, self._spaces)),
            gtishow="!redirect",
            gtilimit="max",
            most=_TEMPLATE_REQUESTS,
        )
        try:
            return list(found)
        except EndlessError:
            return []

    def _described(self, keys: Iterable[str]) -> Iterator[_Page]:
        """These pages as they are now, and the targets of redirects among them."""
        return self._found(pageids="|".join(keys), redirects="1")

    def _found(self, most: int = _LIST_REQUESTS, **asked: str) -> Iterator[_Page]:
        """The quotable pages of a query, remembered for `content`."""
        properties = {
            "prop": "info|revisions|redirects|pageprops",
            "inprop": "url",
            "rvprop": "ids|timestamp",
            "rdprop": "title",
            "rdlimit": "max",
            "ppprop": "noindex",
        }
        if self._categories:
            properties["prop"] += "|categories"
            properties |= {"cllimit": "max", "clcategories": "|".join(self._categories)}
        batch: dict[int, dict[str, Any]] = {}
        room = BATCH_CHARACTERS
        for answer in self._query({**asked, **properties}, most):
            room -= len(json.dumps(answer))
            if room < 0:
                raise RefusedError("describes its pages at too great a length")
            for one in answer.get("query", {}).get("pages", ()):
                _merge(batch.setdefault(one.get("pageid", 0), {}), one)
            if answer.get("batchcomplete"):
                for page in map(self._page, filter(self._is_wanted, batch.values())):
                    if len(self._pages) < _REMEMBERED:
                        self._pages[page.key] = page
                    yield page
                batch.clear()
                room = BATCH_CHARACTERS

    def _is_wanted(self, page: Mapping[str, Any]) -> bool:
        if page.get("missing") or page.get("redirect") or page.get("ns") not in self._spaces:
            return False
        hidden = page.get("contentmodel") != "wikitext" or "noindex" in page.get("pageprops", {})
        inside = not self._categories or bool(page.get("categories"))
        space = self._spaces[page["ns"]]
        name = str(page["title"]).removeprefix(f"{space}:" if space else "")
        return not hidden and inside and name.casefold().startswith(self._prefix.casefold())

    def _page(self, page: Mapping[str, Any]) -> _Page:
        key, link = str(int(page["pageid"])), normal_url(str(page["canonicalurl"]), self._url)
        if problem_with_url(link) or host_of(link) != host_of(self._url):
            link = f"{self._endpoint.removesuffix(_API)}/index.php?curid={key}"
        others = [one["title"] for one in page.get("redirects", ()) if one["ns"] == page["ns"]]
        redirects = tuple(one[:_TITLE_CHARACTERS] for one in sorted(others)[:_REDIRECTS])
        told = json.dumps([page["title"], redirects])
        revised = [one["timestamp"] for one in page.get("revisions", ())]
        return _Page(
            key=key,
            title=str(page["title"])[:_TITLE_CHARACTERS],
            link=link,
            revision=f"{int(page['lastrevid'])}-{hashlib.sha256(told.encode()).hexdigest()[:8]}",
            verified=_moment(revised[0]).date() if revised else None,
            redirects=redirects,
        )

    # Requests.

    def _query(
        self, asked: Mapping[str, str], most: int = _LIST_REQUESTS
    ) -> Iterator[dict[str, Any]]:
        """The answers to a query, one after the other until it is complete."""

        def part(token: str) -> tuple[Sequence[dict[str, Any]], str]:
            more = json.loads(token) if token else {}
            answer = self._ask(action="query", **{**asked, **more})
            following = answer.get("continue")
            return [answer], json.dumps(following, sort_keys=True) if following else ""

        return in_turn(part, most)

    def _ask(self, **asked: str) -> dict[str, Any]:
        fixed = {"format": "json", "formatversion": "2", "maxlag": _MAXLAG}
        answer: dict[str, Any] = self._api.json(self._endpoint, {**fixed, **asked})
        error = answer.get("error")
        if not error:
            return answer
        code, told = error["code"], one_line(str(error.get("info", "")))[:200]
        if code in _GONE:
            raise _GoneError(told)
        if code in _DENIED:
            raise LostError(f"asks for a login ({told})")
        raise RefusedError(f"refuses to answer ({told})")


class _GoneError(RefusedError):
    """There is no such page any more."""


def is_busy_wiki(answer: Answer) -> bool:
    """Whether a wiki asks to come back later: by the status, or by the error of its API."""
    return is_busy(answer) or answer.headers.get("mediawiki-api-error") in _BUSY


def home(url: str, page: bytes) -> str:
    """The address of a wiki, by its root, its main page or its api.php; empty for other pages."""
    if is_root(url):
        return url
    if url.partition("?")[0].endswith(_API):
        named = url.partition("?")[0]
    elif _IS_MAIN_PAGE.search(page):
        named = normal_url(_edit_uri(page), url)
    else:
        return ""
    return named.removesuffix(_API).removesuffix("/w")


def _edit_uri(page: bytes) -> str:
    """The address of api.php in a page of a wiki; empty if there is none."""
    for link in _LINK.findall(page):
        if b"edituri" in link.lower() and (found := _HREF.search(link)):
            named = found[1].decode("utf-8", "replace").partition("?")[0]
            # Other software has such links, too.
            return named if named.endswith(_API) else ""
    return ""


def _merge(page: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add a later part of a page's description: its lists go on, and the rest is new."""
    for name, value in part.items():
        page[name] = [*page.get(name, ()), *value] if isinstance(value, list) else value


def _parts(value: str) -> list[str]:
    """The parts of a filter, separated by bars as in MediaWiki's own parameters."""
    return [one.strip().replace("_", " ") for one in value.split("|") if one.strip()]


def _categorised(name: str) -> str:
    """The title of a category, by its name with or without a prefix in English."""
    return f"Category:{name[9:] if name.casefold().startswith('category:') else name}"


def _is_untold(change: Mapping[str, Any]) -> bool:
    """Whether a change removes or moves an unnamed page."""
    return not change["pageid"] and change.get("logtype") in ("delete", "move", "import", "merge")


def _is_template(change: Mapping[str, Any]) -> bool:
    return change["ns"] in _TEMPLATE_SPACES and bool(change["revid"])


def _licence(rights: Mapping[str, Any]) -> str:
    """The name of a wiki's licence; empty if it names none."""
    address, words = str(rights.get("url") or ""), one_line(str(rights.get("text") or ""))
    if found := _CREATIVE_COMMONS.search(address):
        return f"CC {found['kind'].upper()} {found['version']}"
    return words[:100] or address[:200]


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


KIND: Final = ServiceKind(
    "MediaWiki",
    MediaWiki,
    only=dict.fromkeys(("namespace", "category", "prefix"), anything),
    busy=is_busy_wiki,
    home=home,
)

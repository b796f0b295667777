"""MediaWiki connector: rendered pages of a wiki by its API, cited by section.

The first visit lists all pages. Later visits request the recent changes (edits, moves, deletions,
restorations) and list only the changed pages. Some changes leave no record, such as imports on the
server, so all pages are listed again every four weeks.

Source:
    https://www.mediawiki.org/wiki/API:Main_page
    https://www.mediawiki.org/wiki/API:Etiquette
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Final

from knowledge.files.parsed_file import one_line
from knowledge.sources.net.addresses import host_of, normal_url, problem_with_url
from knowledge.sources.net.api_client import Answer, BusyError, EndlessError, is_busy, pages
from knowledge.sources.net.safe_network import LostError, RefusedError
from knowledge.sources.source import (
    Content,
    Listed,
    Listing,
    ListingEnd,
    Removed,
    Service,
    any_value,
    is_root,
)

# Wikis keep recent changes for 90 days by default, Wikimedia's for 30.
_WHOLE_AFTER: Final = timedelta(days=28)
# Changes up to this long before the last listing are read again: servers lag behind each other.
_OVERLAP: Final = timedelta(minutes=10)
# Seconds of lag between a wiki's servers above which it refuses our requests.
_MAXLAG: Final = "5"
# Requests for one list: 500 pages each, or 500 redirects.
_LIST_REQUESTS: Final = 500
# With more changes than fit these requests, listing all pages is cheaper.
_CHANGE_REQUESTS: Final = 20
# More than any wiki has; each costs some microseconds at every visit.
_NAMESPACES: Final = 2_000
# Page ids in one request.
_BATCH: Final = 50
# The most changed templates whose pages are fetched again, and the requests to list one's pages.
_TEMPLATES: Final = 20
_TEMPLATE_REQUESTS: Final = 2
_REDIRECTS: Final = 10
# The most pages in one answer; MediaWiki's own limit for bots.
ANSWER_PAGES: Final = 5_000
# The most characters that describe one batch of pages.
BATCH_CHARACTERS: Final = 8_000_000
# Descriptions of pages in the cache; MediaWiki's titles have 255 bytes at most.
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


@dataclass(frozen=True, slots=True)
class _Page:
    """A page's metadata from a listing."""

    key: str
    title: str
    link: str
    revision: str
    verified: date | None
    redirects: tuple[str, ...]


class MediaWiki(Service):
    """The pages of a MediaWiki wiki: all, or those of some namespaces, categories or a prefix."""

    kind = "mediawiki"
    label = "MediaWiki"
    filters: ClassVar = dict.fromkeys(("namespace", "category", "prefix"), any_value)

    def __init__(self, location: str) -> None:
        super().__init__(location)
        only = dict(self.only)
        self._named_spaces = _parts(only.get("namespace", ""))
        self._categories = [
            f"Category:{category[9:] if category.casefold().startswith('category:') else category}"
            for category in _parts(only.get("category", ""))
        ]
        self._prefix = "".join(_parts(only.get("prefix", "")))
        self._endpoint = ""
        self._attribution = ""
        self._spaces: Mapping[int, str] = {0: ""}
        self._pages: dict[str, _Page] = {}

    @staticmethod
    def is_busy(answer: Answer) -> bool:
        """Whether a wiki asks the client to wait, by the status or the error of its API."""
        return is_busy(answer) or answer.headers.get("mediawiki-api-error") in _BUSY

    @staticmethod
    def home(url: str, page: bytes) -> str:
        """The address of a wiki by its root, main page or api.php at `url`; empty for others."""
        if is_root(url):
            return url
        if url.partition("?")[0].endswith(_API):
            named = url.partition("?")[0]
        elif _IS_MAIN_PAGE.search(page):
            named = normal_url(_edit_uri(page), url)
        else:
            return ""
        return named.removesuffix(_API).removesuffix("/w")

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List all pages at the first visit, and only the changed pages at later visits."""
        self._endpoint = state.get("api") or self._find_endpoint()
        try:
            site, changes = self._site_and_changes(state.get("since", ""))
        except LostError:
            if "api" not in state:
                raise
            # The wiki may have moved its API.
            others = {name: value for name, value in state.items() if name != "api"}
            return (yield from self.listing(others))
        now = datetime.fromisoformat(site["curtimestamp"])
        licence = _licence(site["query"].get("rightsinfo", {}))
        self._read_site(site["query"], licence)
        listed = state.get("listed", "")
        whole = changes is None or not listed or now - datetime.fromisoformat(listed) > _WHOLE_AFTER
        if whole:
            yield from (Listed(page.key, page.revision) for page in self._all_pages())
        else:
            yield from self._changed_pages(changes or [])
        kept = {
            "api": self._endpoint,
            "since": _formatted_time(now - _OVERLAP),
            "listed": _formatted_time(now) if whole else listed,
            "licence": licence,
        }
        return ListingEnd(kept, whole)

    def content(self, key: str) -> Content | None:
        """Get a page as HTML, with its templates rendered."""
        page = self._pages.get(key) or next(self._describe([key]), None)
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
        return Content(
            title=page.title,
            body=str(parsed["text"]).encode(),
            link=page.link,
            verified=page.verified,
            titles=page.redirects,
            attribution=self._attribution,
        )

    # The site.

    def _find_endpoint(self) -> str:
        """Find api.php by the link in the wiki's page, or in one of its usual places."""
        try:
            if named := _edit_uri(self.api.get(self.url).body):
                return normal_url(named, self.url)
        except LostError:
            # The wiki may refuse programs its page, but not its API.
            pass
        host, problems = host_of(self.url), []
        for place in dict.fromkeys(
            f"{base}{folder}{_API}" for base in (self.url, host) for folder in ("", "/w")
        ):
            try:
                self.api.json(place, {"action": "query", "meta": "siteinfo", "format": "json"})
            except BusyError:
                raise
            except RefusedError as error:
                problems.append(error)
                continue
            return place
        told = "has no api.php where MediaWiki has it: name the wiki's main page"
        is_lost = all(isinstance(problem, LostError) for problem in problems)
        raise LostError(told) if is_lost else RefusedError(told)

    def _site_and_changes(self, since: str) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        """Request the site's data and the changes since a time.

        The changes are None if all pages must be listed. This is the case if `since` is empty, if
        there are too many changes, or if a change doesn't name its page's id.
        """
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
        untold = any(
            change["type"] == "log"
            and not change["pageid"]
            and change.get("logtype") in ("delete", "move", "import", "merge")
            for change in changes
        )
        return site, None if untold else changes

    def _read_site(self, site: Mapping[str, Any], licence: str) -> None:
        if len(site["namespaces"]) > _NAMESPACES:
            raise RefusedError(f"has more than {_NAMESPACES:,} namespaces")
        names = {str(space["id"]): space["id"] for space in site["namespaces"].values()}
        for space in site["namespaces"].values():
            names |= {space["name"].casefold(): space["id"]}
            names |= {str(space.get("canonical", space["name"])).casefold(): space["id"]}
        names |= {
            alias["alias"].casefold(): alias["id"] for alias in site.get("namespacealiases", ())
        }
        # A wiki may have another namespace called "Main".
        names.setdefault("main", 0)
        shown = {space["id"]: space["name"] for space in site["namespaces"].values()}
        if missing := [space for space in self._named_spaces if space.casefold() not in names]:
            raise RefusedError(f"has no namespace {missing[0]}")
        chosen = [names[space.casefold()] for space in self._named_spaces]
        self._spaces = {space: shown[space] for space in chosen or [0]}
        name = one_line(str(site["general"]["sitename"]))[:100]
        self._attribution = f"{name}, {licence}" if licence and not _FREE.search(licence) else ""

    # Pages.

    def _all_pages(self) -> Iterator[_Page]:
        spaces = "|".join(map(str, self._spaces))
        for category in self._categories:
            yield from self._query_pages(
                generator="categorymembers", gcmtitle=category, gcmnamespace=spaces, gcmlimit="max"
            )
        for space in self._spaces if not self._categories else ():
            yield from self._query_pages(
                generator="allpages",
                gapnamespace=str(space),
                gapprefix=self._prefix,
                gapfilterredir="nonredirects",
                gaplimit="max",
            )

    def _changed_pages(self, changes: Sequence[Mapping[str, Any]]) -> Iterator[Listed | Removed]:
        """List the changed pages, and the pages that use a changed template."""
        keys = list(dict.fromkeys(str(change["pageid"]) for change in changes if change["pageid"]))
        present: set[str] = set()
        for first in range(0, len(keys), _BATCH):
            for page in self._describe(keys[first : first + _BATCH]):
                present.add(page.key)
                yield Listed(page.key, page.revision)
        yield from (Removed(key) for key in keys if key not in present)
        templates = {
            change["title"]: change["revid"]
            for change in reversed(changes)
            if change["ns"] in _TEMPLATE_SPACES and change["revid"]
        }
        for title, revision in list(templates.items())[:_TEMPLATES]:
            for page in self._pages_with_template(title):
                if page.key not in present:
                    present.add(page.key)
                    yield Listed(page.key, f"{page.revision}+{revision}")

    def _pages_with_template(self, template: str) -> list[_Page]:
        """The pages that use a template; empty if a template is used on too many pages."""
        found = self._query_pages(
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

    def _describe(self, keys: Iterable[str]) -> Iterator[_Page]:
        """Get the metadata of pages by id; a redirect is replaced by its target."""
        return self._query_pages(pageids="|".join(keys), redirects="1")

    def _query_pages(self, most: int = _LIST_REQUESTS, **asked: str) -> Iterator[_Page]:
        """Yield the metadata of the pages that a query selects and that may be quoted; cache it.

        A query takes at most `most` requests.
        """
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
            _merge(batch, answer.get("query", {}).get("pages", ()))
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
        key, link = str(int(page["pageid"])), normal_url(str(page["canonicalurl"]), self.url)
        if problem_with_url(link) or host_of(link) != host_of(self.url):
            link = f"{self._endpoint.removesuffix(_API)}/index.php?curid={key}"
        others = [
            redirect["title"]
            for redirect in page.get("redirects", ())
            if redirect["ns"] == page["ns"]
        ]
        redirects = tuple(title[:_TITLE_CHARACTERS] for title in sorted(others)[:_REDIRECTS])
        told = json.dumps([page["title"], redirects])
        revised = [revision["timestamp"] for revision in page.get("revisions", ())]
        return _Page(
            key=key,
            title=str(page["title"])[:_TITLE_CHARACTERS],
            link=link,
            revision=f"{int(page['lastrevid'])}-{hashlib.sha256(told.encode()).hexdigest()[:8]}",
            verified=datetime.fromisoformat(revised[0]).date() if revised else None,
            redirects=redirects,
        )

    # Requests.

    def _query(
        self, asked: Mapping[str, str], most: int = _LIST_REQUESTS
    ) -> Iterator[dict[str, Any]]:
        """Send a query; yields each part of a continued answer."""

        def part(token: str) -> tuple[Sequence[dict[str, Any]], str]:
            more = json.loads(token) if token else {}
            answer = self._ask(action="query", **{**asked, **more})
            following = answer.get("continue")
            return [answer], json.dumps(following, sort_keys=True) if following else ""

        return pages(part, most)

    def _ask(self, **asked: str) -> dict[str, Any]:
        fixed = {"format": "json", "formatversion": "2", "maxlag": _MAXLAG}
        answer: dict[str, Any] = self.api.json(self._endpoint, {**fixed, **asked})
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
    """The page no longer exists."""


def _edit_uri(page: bytes) -> str:
    """The address of api.php from a wiki page's EditURI link; empty if there is none."""
    for link in _LINK.findall(page):
        if b"edituri" in link.lower() and (found := _HREF.search(link)):
            named = found[1].decode("utf-8", "replace").partition("?")[0]
            # Other software has such links, too.
            return named if named.endswith(_API) else ""
    return ""


def _merge(batch: dict[int, dict[str, Any]], answer: Sequence[Mapping[str, Any]]) -> None:
    """Add an answer's metadata to the pages by id: extend lists, and replace other values.

    Raises RefusedError if the answer describes a page twice, or too many pages. An honest one has a
    part of each page.
    """
    if len(answer) > ANSWER_PAGES:
        raise RefusedError("describes too many pages in an answer")
    parts = {part["pageid"]: part for part in answer if "pageid" in part}
    if len(parts) < sum("pageid" in part for part in answer):
        raise RefusedError("describes a page twice in an answer")
    for key, part in parts.items():
        page = batch.setdefault(key, {})
        for name, value in part.items():
            if isinstance(value, list):
                page.setdefault(name, []).extend(value)
            else:
                page[name] = value


def _parts(value: str) -> list[str]:
    """Split a filter's value at `|`, as in MediaWiki's own parameters."""
    return [part.strip().replace("_", " ") for part in value.split("|") if part.strip()]


def _licence(rights: Mapping[str, Any]) -> str:
    """The name or address of a wiki's licence; empty if the wiki states none."""
    address, words = str(rights.get("url") or ""), one_line(str(rights.get("text") or ""))
    if found := _CREATIVE_COMMONS.search(address):
        return f"CC {found['kind'].upper()} {found['version']}"
    return words[:100] or address[:200]


def _formatted_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

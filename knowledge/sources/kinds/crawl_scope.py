"""Scope of a crawl: its bounds, the normal form of addresses, and the guard against crawler traps.

A crawl never leaves the scheme, host, port and folder of its start. Query parameters are sorted,
and parameters for sessions and tracking are dropped. Only a few addresses with the same path but
other queries are visited, so a crawl of a calendar ends.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from knowledge.sources.net.addresses import host_of, normal_url, problem_with_url

# The most queries of one path.
QUERIES: Final = 5
# The most folders in a path, and the most repeats of one name in it.
SEGMENTS: Final = 20
REPEATS: Final = 3

_SESSION: Final = re.compile(
    r"(?:utm_\w+|fbclid|gclid|msclkid|mc_cid|mc_eid|ref|sid|s|session_?id|php_?sessid|"
    r"jsessionid|aspsessionid\w*|cfid|cftoken|replytocom|share|print)",
    re.IGNORECASE,
)
_PATH_SESSION: Final = re.compile(r";(?:jsessionid|sid|phpsessid)=[^/]*", re.IGNORECASE)
# Suffixes of files that are no pages; they are never requested.
_NO_PAGES: Final = frozenset(
    {
        *(".7z", ".bz2", ".dmg", ".exe", ".gz", ".iso", ".jar", ".msi", ".rar", ".tar", ".tgz"),
        *(".avi", ".m4a", ".mov", ".mp3", ".mp4", ".ogg", ".wav", ".webm"),
        *(".bmp", ".gif", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"),
        *(".css", ".eot", ".ics", ".js", ".json", ".otf", ".rss", ".ttf", ".webmanifest"),
        *(".woff", ".woff2", ".xml", ".zip", ".zst"),
        *(".csv", ".doc", ".docx", ".odt", ".ppt", ".pptx", ".xls", ".xlsx"),
    }
)


@dataclass(frozen=True, slots=True)
class CrawlScope:
    """The bounds of a crawl: a host, and the folder that contains all paths."""

    host: str
    folder: str

    def has(self, url: str) -> bool:
        """Whether an address is on the host and in the folder.

        A path with `.` or `..` is refused, even in percent-encoded form, because a server may
        resolve it to a path outside the folder.
        """
        if problem_with_url(url) or host_of(url) != self.host:
            return False
        path = urlsplit(url).path or "/"
        # Some servers decode twice, or ignore the rest behind a ;.
        parts = (part.partition(";")[0] for part in re.split(r"[/\\]", unquote(unquote(path))))
        if {".", ".."}.intersection(parts):
            return False
        return path.startswith(self.folder) or path == self.folder.rstrip("/")


def scope_of(url: str) -> CrawlScope:
    """The scope of a crawl that begins at an address.

    If the last part of the address's path looks like a file, the scope is the file's folder.
    """
    path = urlsplit(url).path or "/"
    parent, _, last = path.rpartition("/")
    folder = f"{parent}/" if not last or "." in last else f"{path}/"
    return CrawlScope(host_of(url), folder)


def page_url(url: str, base: str = "") -> str:
    """Normalize a page's address, so each page is requested once; empty if invalid."""
    found = normal_url(url, base)
    if not found:
        return ""
    parts = urlsplit(found)
    kept = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _SESSION.fullmatch(name)
    )
    path = _PATH_SESSION.sub("", parts.path) or "/"
    return normal_url(urlunsplit(parts._replace(path=path, query=urlencode(kept), fragment="")))


def is_page(url: str) -> bool:
    """Whether an address may lead to a page, by its suffix."""
    last = urlsplit(url).path.rpartition("/")[2].lower()
    return "." not in last or f".{last.rpartition('.')[2]}" not in _NO_PAGES


@dataclass(slots=True)
class TrapGuard:
    """Guard against crawler traps: repeated path segments, deep folders, many queries of a path."""

    _queries: Counter[str] = field(default_factory=Counter)

    def allows(self, url: str) -> bool:
        parts = urlsplit(url)
        segments = [segment for segment in parts.path.split("/") if segment]
        most = max(Counter(segments).values(), default=0)
        if len(segments) > SEGMENTS or most > REPEATS:
            return False
        if not parts.query:
            return True
        self._queries[parts.path] += 1
        return self._queries[parts.path] <= QUERIES

"""A web server that answers as the API of MediaWiki 1.43 does, for pages and changes of a test."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from tests.knowledge.sources.visited import NOW
from tests.knowledge.web_server import Reply, WebServer

API = "/w/api.php"
# The entries of a list in one answer.
PER_ANSWER = 3

Asked = Mapping[str, str]


@dataclass(frozen=True)
class WikiPage:
    """A page: its title, its HTML, its revision, and the title that it redirects to."""

    title: str
    html: str = "<p>Words.</p>"
    revision: int = 1
    space: int = 0
    to: str = ""
    hidden: bool = False


class WikiServer(WebServer):
    """A wiki of these pages, by id."""

    def __init__(self) -> None:
        super().__init__()
        self.content: dict[int, WikiPage] = {}
        self.changes: list[dict[str, Any]] = []
        self.rights: dict[str, str] = {}
        self.now = NOW
        self.asked: list[Asked] = []
        # Sent once each before anything else; the answer to everything.
        self.first: list[Reply] = []
        self.always: Callable[[Asked], Any] | None = None

    @property
    def base(self) -> str:
        return self.url("", host="wiki.test")

    def edit(self, page_id: int, **fields: Any) -> None:
        """Change a page, and tell so; None as its title deletes it."""
        before = self.content.pop(page_id, WikiPage(""))
        after = replace(before, revision=before.revision + 1, **fields)
        if after.title:
            self.content[page_id] = after
        change = {"type": "edit", "ns": after.space, "title": after.title or before.title}
        written = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        told = {"pageid": page_id, "revid": after.revision, "timestamp": written}
        self.changes.insert(0, {**change, **told})

    def pass_days(self, days: float) -> datetime:
        self.now += timedelta(days=days)
        return self.now

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, _, query = request.path.partition("?")
        if path != API or not query:
            super().answer(request)
            return
        self.requests.append((request.path, {k.lower(): v for k, v in request.headers.items()}))
        if self.first:
            self.send(request, self.first.pop(0))
            return
        asked = dict(parse_qsl(query, keep_blank_values=True))
        self.asked.append(asked)
        usual = self._parsed if asked["action"] == "parse" else self.queried
        told = (self.always or usual)(asked)
        self.send(request, Reply(json.dumps(told), kind="application/json"))

    def _parsed(self, asked: Asked) -> Any:
        page = self.content.get(int(asked["pageid"]))
        if page is None:
            return {"error": {"code": "nosuchpageid", "info": "There is no page."}}
        html = f'<div class="mw-content-ltr mw-parser-output">{page.html}</div>'
        return {"parse": {"title": page.title, "text": html}}

    def queried(self, asked: Asked) -> Any:
        found: dict[str, Any] = {}
        told: dict[str, Any] = {
            "curtimestamp": self.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "query": found,
        }
        if "meta" in asked:
            spaces = {str(number): {"id": number, "name": name} for number, name in SPACES.items()}
            found |= {
                "general": {"sitename": "Harbour Wiki"},
                "namespaces": spaces,
                "namespacealiases": [{"id": 4, "alias": "HW"}],
                "rightsinfo": self.rights,
            }
        if asked.get("list") == "recentchanges":
            since = [one for one in self.changes if one["timestamp"] >= asked["rcend"]]
            found["recentchanges"] = self._part(since, asked, "rccontinue", told)
        if asked.get("generator") == "allpages":
            keys = [
                key
                for key, one in sorted(self.content.items(), key=lambda item: item[1].title)
                if str(one.space) == asked["gapnamespace"] and not one.to
            ]
            found["pages"] = [
                self._described(key) for key in self._part(keys, asked, "gapcontinue", told)
            ]
        if "pageids" in asked:
            found["pages"] = [
                self._described(self._target(int(key))) for key in asked["pageids"].split("|")
            ]
        if "continue" not in told or "generator" in asked:
            told["batchcomplete"] = True
        return told

    def _part(self, entries: list[Any], asked: Asked, name: str, told: dict[str, Any]) -> list[Any]:
        start = int(asked.get(name, "0"))
        if start + PER_ANSWER < len(entries):
            told["continue"] = {name: str(start + PER_ANSWER), "continue": "-||"}
        return entries[start : start + PER_ANSWER]

    def _target(self, key: int) -> int:
        to = self.content[key].to if key in self.content else ""
        return next((other for other, one in self.content.items() if to and one.title == to), key)

    def _described(self, key: int) -> Any:
        page = self.content.get(key)
        if page is None:
            return {"pageid": key, "missing": True}
        redirects = [
            {"ns": one.space, "title": one.title}
            for one in self.content.values()
            if one.to == page.title
        ]
        return {
            "pageid": key,
            "ns": page.space,
            "title": page.title,
            "contentmodel": "wikitext",
            "lastrevid": page.revision,
            "canonicalurl": f"{self.base}/wiki/{page.title.replace(' ', '_')}",
            "revisions": [{"revid": page.revision, "timestamp": "2025-11-02T08:00:00Z"}],
            **({"redirect": True} if page.to else {}),
            **({"redirects": redirects} if redirects else {}),
            **({"pageprops": {"noindex": ""}} if page.hidden else {}),
        }


SPACES = {0: "", 4: "Harbour Wiki", 10: "Template", 12: "Help"}

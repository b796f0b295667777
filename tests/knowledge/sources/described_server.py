"""A web server that answers as a service's published API description says, and checks requests.

The descriptions in `published_apis.json` are reduced to the operations in use: their parameters,
and the fields and types of their answers. A test scripts only the fields it is about.
"""

import json
import re
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs

from tests.knowledge.web_server import Reply, WebServer

_PUBLISHED = json.loads(Path(__file__).with_name("published_apis.json").read_text("utf-8"))
_EMPTY: Mapping[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0,
    "boolean": False,
    "array": [],
    "object": {},
    "null": None,
}

# The parameters of a request by name, those of its path and its JSON among them.
Asked = Mapping[str, str]


class DescribedServer(WebServer):
    """Serves the operations of a description below a prefix; `answers` has their fields."""

    def __init__(self, service: str, prefix: str = "") -> None:
        super().__init__()
        self.operations: dict[str, Any] = _PUBLISHED[service]["operations"]
        self.prefix = prefix
        self.answers: dict[str, Callable[[Asked], Any]] = {}
        self.asked: list[tuple[str, Asked]] = []
        self.problems: list[str] = []
        # Sent once each, before anything else.
        self.first: list[Reply] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.requests.append((request.path, {k.lower(): v for k, v in request.headers.items()}))
        if self.first:
            # What isn't read of a request would be taken for the next one.
            request.rfile.read(int(request.headers.get("Content-Length", 0)))
            self.send(request, self.first.pop(0))
            return
        path, _, query = request.path.partition("?")
        if callable(page := self.pages.get(path)):
            page(request)
            return
        for template, operation in self.operations.items():
            place = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.prefix + template)
            if found := re.fullmatch(place, path):
                values = {name: unquote(value) for name, value in found.groupdict().items()}
                asked = {**values, **dict(parse_qsl(query, strict_parsing=bool(query)))}
                if request.command == "POST":
                    asked |= _sent(request)
                self.asked.append((template, asked))
                self._check(template, operation["parameters"], asked)
                self._send(request, template, operation["answer"], asked)
                return
        self.problems.append(f"{path} is no path of the API")
        self.send(request, Reply("{}", 404))

    def _check(self, template: str, parameters: Mapping[str, Any], asked: Asked) -> None:
        for name, value in asked.items():
            if name not in parameters:
                self.problems.append(f"{template} has no parameter {name}")
                continue
            form = {key: one for key, one in parameters[name].items() if key != "in"}
            typed = value if form.get("type") == "string" else json.loads(value)
            if not jsonschema_rs.is_valid(form, typed):
                self.problems.append(f"{template} has no {name}={value}")

    def _send(
        self, request: BaseHTTPRequestHandler, template: str, form: Mapping[str, Any], asked: Asked
    ) -> None:
        made = self.answers[template](asked)
        if isinstance(made, Reply):
            self.send(request, made)
            return
        told = filled(form, made)
        jsonschema_rs.validate(dict(form), told)
        reply = Reply(json.dumps(told), kind="application/json")
        reply.headers.update(self.headers(template, asked, told))
        self.send(request, reply)

    def headers(self, template: str, asked: Asked, told: Any) -> dict[str, str]:
        """Further headers of an answer, such as those of pages."""
        return {}

    @property
    def base(self) -> str:
        split = urlsplit(self.url(""))
        return f"{split.scheme}://{split.netloc}"


def _sent(request: BaseHTTPRequestHandler) -> Asked:
    """The fields of a request's JSON, written as in a query."""
    sent = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
    return {key: one if isinstance(one, str) else json.dumps(one) for key, one in sent.items()}


def filled(form: Mapping[str, Any], given: Any) -> Any:
    """Given fields, with an empty value for each other field of their form."""
    if isinstance(given, list):
        return [filled(form.get("items", {}), one) for one in given]
    if not isinstance(given, dict):
        return given
    fields = form.get("properties", {})
    told = {name: filled(fields.get(name, {}), value) for name, value in given.items()}
    for name in form.get("required", ()):
        if name not in told:
            told[name] = _empty(fields[name])
    return told


def _empty(form: Mapping[str, Any]) -> Any:
    if "enum" in form:
        return form["enum"][0]
    kind = form.get("type", "object")
    kind = kind if isinstance(kind, str) else ("null" if "null" in kind else kind[0])
    return filled(form, {}) if kind == "object" else _EMPTY[kind]

"""Validation of every request that the bot sends to simcord, as strict as the real Discord.

Each violation is recorded as a sentence, and the test fails at its end: the bot's own handlers
would catch an exception. If Discord's OpenAPI description lies beside the project
(`../shared/discord/openapi.json`), each request is also compared with the schema of its route.
"""

import fnmatch
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from simcord.backend import Backend
from simcord.backend.errors import BackendError

from tests.bot import strictness

_MODAL_SUBMIT, _AUTOCOMPLETE = 5, 4
# The flags that may be set, of each kind of message.
_OF_EDITS: Final = strictness.SUPPRESS_EMBEDS | strictness.COMPONENTS_V2
_OF_MESSAGES: Final = _OF_EDITS | strictness.SUPPRESS_NOTIFICATIONS
_OF_RESPONSES: Final = _OF_MESSAGES | strictness.EPHEMERAL
_NUMBER: Final = re.compile(r"\d{1,20}")

Dispatch = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the bot."""

    backend: Backend
    method: str
    path: str
    json: Any
    params: Mapping[str, Any]
    files: Sequence[Any]
    reason: str | None

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON object, or an empty one."""
        return self.json if isinstance(self.json, Mapping) else {}

    @property
    def parts(self) -> list[str]:
        return self.path.strip("/").split("/")


@dataclass
class StrictDiscord:
    """Validates every request, then passes it to simcord."""

    dispatch: Dispatch
    problems: list[str] = field(default_factory=list)
    # Requests whose answer never arrives, though Discord does what they say: method, path's end.
    lost_answers: list[tuple[str, str]] = field(default_factory=list)
    _backends: list[Backend] = field(default_factory=list)
    # Interactions whose response a test had Discord refuse.
    _refused: set[int] = field(default_factory=set)
    # What was sent with a number that is to be taken only once, and what became of it.
    _once: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __call__(self, backend: Backend, method: str, path: str, **sent: Any) -> Any:
        """Take a request, as simcord's router does."""
        request = Request(
            backend,
            method,
            path,
            sent.get("json"),
            sent.get("params") or {},
            sent.get("files") or [],
            sent.get("reason"),
        )
        if backend not in self._backends:
            self._backends.append(backend)
        self._found(request, problems(request))
        once = (path, str(request.body.get("nonce")))
        if request.body.get("enforce_nonce") and once in self._once:
            # As in Discord: nothing is sent again, the first message is the answer.
            return self._once[once]
        faults = [dict(fault) for fault in backend.faults]
        try:
            answer = self.dispatch(backend, method, path, **sent)
        except BackendError as error:
            injected = faults != backend.faults or any(
                fault["status"] == error.status and fault["code"] == error.code for fault in faults
            )
            # What a test has Discord refuse is no mistake of the bot's.
            if error.status == 400 and not injected:
                self._found(request, [f"Discord refuses it: {error}"])
            if injected and request.parts[0] == "interactions":
                self._refused.add(int(request.parts[1]))
            raise
        if method == "DELETE" and path.endswith("/messages/@original"):
            # Nothing takes the place of a promise that was taken away.
            backend.interaction_by_token(request.parts[2]).complete_deferred()
        if request.body.get("enforce_nonce"):
            self._once[once] = answer
        for lost in self.lost_answers:
            if method == lost[0] and fnmatch.fnmatch(path, lost[1]):
                self.lost_answers.remove(lost)
                raise aiohttp.ServerDisconnectedError
        return answer

    def unanswered(self) -> list[str]:
        """Interactions without a response; their members read “This interaction failed”."""
        return [
            f"interaction {one.id} of type {one.type} ({one.command_name}) was not answered"
            for backend in self._backends
            for one in backend.interactions.values()
            if not one.responded and one.id not in self._refused
        ]

    def _found(self, request: Request, found: Sequence[str]) -> None:
        self.problems += [f"{request.method} {request.path}: {problem}" for problem in found]


# Problems of each list of commands, because every bot sends the same.
_CHECKED_COMMANDS: Final[dict[str, list[str]]] = {}


def problems(request: Request) -> list[str]:
    """Every reason for which Discord would refuse a request."""
    if request.method != "PUT" or request.parts[-1] != "commands":
        return list(_problems(request))
    commands = request.path + json.dumps(request.json)
    if commands not in _CHECKED_COMMANDS:
        _CHECKED_COMMANDS[commands] = list(_problems(request))
    return _CHECKED_COMMANDS[commands]


def _problems(request: Request) -> Iterator[str]:
    yield from strictness.wrong_signs(request.json)
    if request.reason is not None and not 1 <= len(request.reason) <= 512:
        yield "a reason for the audit log that is empty or too long"
    yield from _files(request.files)
    match request.parts:
        case ["interactions", number, _, "callback"]:
            yield from _callback(request, int(number))
        case ["webhooks", _, token, *where]:
            yield from _by_token(request, token, where)
        case ["channels", channel_id, "messages", *where]:
            yield from _in_channel(request, int(channel_id), where)
        case ["applications", _, *_, "commands"] if request.method == "PUT":
            yield from strictness.commands(request.json)
    yield from strictness.disagreements(request.method, request.path, request.json)


def _files(files: Sequence[Any]) -> Iterator[str]:
    sizes = []
    for file in files:
        place = file.fp.tell()
        sizes.append(file.fp.seek(0, 2) - place)
        file.fp.seek(place)
        if not file.filename or re.search(r"[\\/\0]", file.filename):
            yield f"a file called {file.filename!r}"
    if any(size > strictness.FILE_BYTES for size in sizes):
        yield "a file that is too large"
    if sum(sizes) > strictness.REQUEST_BYTES:
        yield "files that are too large together"


def _callback(request: Request, interaction_id: int) -> Iterator[str]:
    """The one first response to an interaction."""
    record = request.backend.interactions.get(interaction_id)
    if record is None:
        yield "an interaction that is not known"
        return
    kind = request.body.get("type")
    if record.responded:
        yield "the interaction has been answered already"
    if (kind == 8) != (record.type == _AUTOCOMPLETE):
        yield f"response {kind} to an interaction of type {record.type}"
    if kind in (6, 7) and record.source_message_id is None:
        yield "there is no message to edit"
    if kind == 9 and record.type == _MODAL_SUBMIT:
        yield "a form as the response to a form"
    yield from _response(kind, request.body.get("data") or {}, len(request.files))


def _response(kind: object, data: Mapping[str, Any], files: int) -> Iterator[str]:
    """Violations of a first response's content."""
    flags = int(data.get("flags") or 0)
    if kind == 4:
        yield from _flags(flags, _OF_RESPONSES)
        yield from strictness.message(data, edits=False, files=files)
    elif kind == 5:
        yield from _flags(flags, strictness.EPHEMERAL)
        if set(data) - {"flags"}:
            yield "a message is promised and sent at once"
    elif kind == 7:
        yield from _flags(flags, _OF_EDITS)
        yield from strictness.message(data, edits=True, files=files)
    elif kind == 8:
        yield from strictness.choices(data.get("choices") or [])
    elif kind == 9:
        yield from strictness.form(data)


def _by_token(request: Request, token: str, where: Sequence[str]) -> Iterator[str]:
    """Messages that follow the first response."""
    if token not in request.backend.interaction_tokens:
        yield "a webhook, which this bot has none of"
        return
    record = request.backend.interaction_by_token(token)
    if not record.responded:
        yield "more is said before the interaction was answered"
    if request.method == "POST" and not where:
        flags = int(request.body.get("flags") or 0)
        yield from _flags(flags, _OF_RESPONSES)
        yield from strictness.message(request.body, edits=False, files=len(request.files))
    elif request.method == "PATCH":
        original = record.message_id if where[-1] == "@original" else int(where[-1])
        yield from _edit(request, record.channel_id, original)


def _edit(request: Request, channel_id: int, message_id: int | None) -> Iterator[str]:
    kept = request.backend.messages.get(channel_id, {}).get(message_id or 0)
    before = {"content": kept.content, "embeds": kept.embeds, "flags": kept.flags} if kept else None
    yield from _flags(int(request.body.get("flags") or 0), _OF_EDITS)
    files = len(request.files)
    yield from strictness.message(request.body, edits=True, files=files, before=before)


def _in_channel(request: Request, channel_id: int, where: Sequence[str]) -> Iterator[str]:
    """Messages that answer no interaction."""
    if request.method == "POST" and not where:
        yield from _flags(int(request.body.get("flags") or 0), _OF_MESSAGES)
        yield from strictness.message(request.body, edits=False, files=len(request.files))
        reference = request.body.get("message_reference") or {}
        if reference and int(reference.get("channel_id") or channel_id) != channel_id:
            yield "a reply to a message of another channel"
    elif request.method == "PATCH" and where and _NUMBER.fullmatch(where[0]):
        yield from _edit(request, channel_id, int(where[0]))
        kept = request.backend.messages.get(channel_id, {}).get(int(where[0]))
        if kept is not None and kept.is_ephemeral:
            yield "a private message is edited without its token"


def _flags(flags: int, known: int) -> Iterator[str]:
    if flags & ~known:
        yield f"flags {flags:b} of which only {known:b} may be set here"

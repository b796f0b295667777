"""REST interface of the fake Discord, as strict as the real one.

Unknown routes, invalid bodies and late responses are recorded in `problems`, which fail the test
at its end.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from tests.bot import strictness
from tests.bot.wire.gateway import Gateway
from tests.bot.wire.state import (
    APPLICATION,
    EPHEMERAL,
    LOADING,
    TOKEN,
    Interaction,
    Json,
    RefusedError,
    State,
    now,
    numbered,
    snowflake,
)

# By its number: a file's name, content and type.
Files = dict[int, tuple[str, bytes, str]]


@dataclass
class Sent:
    """A parsed request of the bot."""

    method: str
    path: str
    match: re.Match[str]
    query: dict[str, str]
    body: Any
    files: Files

    def number(self, name: str) -> int:
        return int(self.match[name])


@dataclass
class Fault:
    """A failure of Discord on requests to a matching route, some times.

    Attributes:
        method, path: which requests.
        status: what is answered; 0 cuts the connection.
        taken: whether the request takes effect before its answer is lost.
        times: how often.
        retry_after: seconds, of a 429.
    """

    method: str
    path: str
    status: int = 0
    taken: bool = False
    times: int = 1
    retry_after: float = 0.2
    code: int = 0
    met: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Whether this fault applies to a request."""
        fits = method == self.method and re.search(self.path, path) is not None
        if fits and self.met < self.times:
            self.met += 1
            return True
        return False


async def read(request: web.Request) -> tuple[Any, Files]:
    """The body and the files of a request, by their numbers."""
    files: Files = {}
    if not request.content_type.startswith("multipart/"):
        text = await request.text()
        return (json.loads(text) if text else None), files
    body: Any = {}
    form = await request.post()
    for name, value in form.items():
        number = re.fullmatch(r"files\[(\d+)\]", name)
        if name == "payload_json" and isinstance(value, str):
            body = json.loads(value)
        elif number and isinstance(value, web.FileField):
            files[int(number[1])] = (value.filename, value.file.read(), value.content_type)
        else:
            raise RefusedError(400, 50035, "Invalid Form Body", {name: {"_errors": []}})
    return body, files


def failed(request: web.Request, fault: Fault) -> web.Response:
    """The response to a failing request; None if the connection is cut."""
    if fault.status == 0:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if fault.status == 429:
        body = {
            "message": "You are being rate limited.",
            "retry_after": fault.retry_after,
            "global": False,
        }
        headers = {
            "Via": "1.1 google",
            "Retry-After": "1",
            "X-RateLimit-Scope": "user",
            "X-RateLimit-Bucket": "abc",
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset-After": str(fault.retry_after),
            "X-RateLimit-Reset": str(time.time() + fault.retry_after),
        }
    else:
        body = {"message": f"{fault.status}", "code": fault.code}
        headers = {}
    return web.Response(
        body=json.dumps(body).encode(),
        status=fault.status,
        headers=headers,
        content_type="application/json",
    )


# Within these an interaction must be answered, and may be followed up.
ANSWER_SECONDS: Final = 3.0
TOKEN_SECONDS: Final = 15 * 60

_RESPONSE_FLAGS: Final = (
    strictness.SUPPRESS_EMBEDS
    | strictness.COMPONENTS_V2
    | strictness.SUPPRESS_NOTIFICATIONS
    | strictness.EPHEMERAL
)

Handler = Callable[["Sent"], Awaitable[Any]]


@dataclass
class Rest:
    """Routes for the bot."""

    state: State
    gateway: Gateway
    problems: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    puts: int = 0
    # Whether addresses of files are still good.
    files_expired: bool = False
    # Whether anybody can add the bot to a server, as Public Bot in the portal says.
    public: bool = True

    def __post_init__(self) -> None:
        messages = r"/channels/(?P<channel>\d+)/messages"
        webhook = r"/webhooks/(?P<app>\d+)/(?P<token>[\w.-]+)"
        one = rf"{webhook}/messages/(?P<message>@original|\d+)"
        table: Iterable[tuple[str, str, Handler]] = (
            ("GET", "/users/@me", self._me),
            ("GET", "/gateway/bot", self._gateway),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", r"/applications/\d+/commands", self._commands),
            ("PUT", r"/applications/\d+/commands", self._put_commands),
            ("POST", r"/interactions/(?P<id>\d+)/(?P<token>[\w.-]+)/callback", self._callback),
            ("POST", webhook, self._follow_up),
            ("GET", one, self._said),
            ("PATCH", one, self._edit_said),
            ("DELETE", one, self._delete_said),
            ("POST", messages, self._send),
            ("GET", messages, self._history),
            ("GET", rf"{messages}/pins", self._pins),
            ("GET", rf"{messages}/(?P<message>\d+)", self._message),
            ("POST", rf"{messages}/(?P<message>\d+)/threads", self._begin_thread),
            ("POST", r"/channels/(?P<channel>\d+)/threads", self._begin_post),
            ("GET", r"/guilds/(?P<guild>\d+)/threads/active", self._active),
            ("GET", r"/channels/(?P<channel>\d+)/threads/archived/public", self._archived),
            ("PATCH", rf"{messages}/(?P<message>\d+)", self._edit),
            ("DELETE", rf"{messages}/(?P<message>\d+)", self._delete),
            ("POST", r"/channels/(?P<channel>\d+)/typing", self._typing),
            ("GET", r"/channels/(?P<channel>\d+)", self._channel),
            ("PATCH", r"/channels/(?P<channel>\d+)", self._edit_thread),
            ("POST", "/users/@me/channels", self._direct),
            ("GET", "/users/@me/guilds", self._guilds),
            ("GET", r"/users/(?P<user>\d+)", self._user),
            ("GET", r"/guilds/(?P<guild>\d+)", self._guild),
            ("GET", r"/guilds/(?P<guild>\d+)/members/(?P<user>\d+)", self._member),
        )
        self._table = [(method, re.compile(path), handler) for method, path, handler in table]

    # From the wire and back to it.

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api")
        path = re.sub(r"^/v10", "", path)
        fault = next((one for one in self.faults if one.meets(request.method, path)), None)
        if fault is not None and not fault.taken:
            await request.read()
            self.requests.append((request.method, path, fault.status))
            return failed(request, fault)
        try:
            status, value = 200, await self._answer(request, path)
        except RefusedError as refused:
            status, value = refused.status, refused.body
        self.requests.append((request.method, path, status if fault is None else fault.status))
        if fault is not None:
            return failed(request, fault)
        if value is None:
            return web.Response(status=204)
        # As Discord sends it: discord.py takes no charset in the content type.
        return web.Response(
            body=json.dumps(value).encode(), status=status, content_type="application/json"
        )

    async def _answer(self, request: web.Request, path: str) -> Any:
        for method, pattern, handler in self._table:
            match = pattern.fullmatch(path)
            if match and method == request.method:
                # Whoever has the token of an interaction needs no other.
                if not path.startswith(("/webhooks/", "/interactions/")):
                    self._authorise(request)
                body, files = await read(request)
                sent = Sent(method, path, match, dict(request.query), body, files)
                for problem in strictness.disagreements(method, path, body):
                    self._refuse(sent, [problem])
                return await handler(sent)
        self.problems.append(f"no such route: {request.method} {path}")
        raise RefusedError(404, 0, "404: Not Found")

    def _authorise(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            raise RefusedError(401, 0, "401: Unauthorized")
        if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            self.problems.append("a User-Agent that Discord blocks")

    def _refuse(self, sent: Sent, found: Iterable[str]) -> None:
        """Refuse an invalid request as Discord does, and record the problem."""
        wrong = [*strictness.wrong_signs(sent.body), *found]
        if wrong:
            self.problems += [f"{sent.method} {sent.path}: {problem}" for problem in wrong]
            errors = {"body": {"_errors": [{"code": "INVALID", "message": one} for one in wrong]}}
            raise RefusedError(400, 50035, "Invalid Form Body", errors)

    async def file(self, request: web.Request) -> web.StreamResponse:
        content = self.state.files.get(int(request.match_info["id"]))
        signed = {"ex", "is", "hm"} <= set(request.query)
        if content is None or not signed or self.files_expired:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=content)

    # The bot itself.

    async def _gateway(self, _: "Sent") -> Json:
        return self.gateway.recommended()

    async def _me(self, _sent: Sent) -> Any:
        return self.state.me

    async def _application(self, _sent: Sent) -> Any:
        return {
            "id": str(APPLICATION),
            "name": "Commonplace",
            "description": "",
            "icon": None,
            "bot_public": self.public,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "team": None,
            "owner": self.state.me,
        }

    async def _commands(self, _sent: Sent) -> Any:
        return self.state.commands

    async def _put_commands(self, sent: Sent) -> Any:
        self._refuse(sent, strictness.commands(sent.body))
        self.puts += 1
        self.state.commands = [
            {
                "description": "",
                "type": 1,
                "default_member_permissions": None,
                "nsfw": False,
                **one,
                "id": str(snowflake()),
                "application_id": str(APPLICATION),
                "version": str(snowflake()),
            }
            for one in sent.body
        ]
        return self.state.commands

    # Interactions.

    async def _callback(self, sent: Sent) -> Any:
        taken = self.state.interactions.get(sent.match["token"])
        if taken is None or taken.id != sent.number("id"):
            raise RefusedError(404, 10062, "Unknown interaction")
        after = time.monotonic() - taken.sent_at
        if taken.response is not None:
            raise RefusedError(400, 40060, "Interaction has already been acknowledged.")
        if after > ANSWER_SECONDS:
            self.problems.append(f"an interaction of kind {taken.kind} answered after {after:.1f}s")
            raise RefusedError(404, 10062, "Unknown interaction")
        kind, data = sent.body["type"], sent.body.get("data") or {}
        self._refuse(sent, _wrong_response(taken, kind, data, len(sent.files)))
        taken.response, taken.answered_after = sent.body, after
        message = await self._first_message(taken, kind, data, sent)
        if sent.query.get("with_response") not in ("1", "true", "True"):
            return None
        callback: Json = {"id": str(taken.id), "type": taken.kind}
        if message is None:
            return {"interaction": callback, "resource": {"type": kind}}
        callback |= {
            "response_message_id": message["id"],
            "response_message_loading": bool(message["flags"] & LOADING),
            "response_message_ephemeral": bool(message["flags"] & EPHEMERAL),
        }
        resource: Json = {"type": kind}
        if kind in (4, 7):
            resource["message"] = message
        return {"interaction": callback, "resource": resource}

    async def _first_message(
        self, taken: Interaction, kind: int, data: Json, sent: Sent
    ) -> Json | None:
        """The message that a first response creates or edits."""
        if kind in (4, 5):
            flags = int(data.get("flags") or 0) | (LOADING if kind == 5 else 0)
            message = await self._say(taken, {**data, "flags": flags}, sent.files)
            taken.original = int(message["id"])
            return message
        if kind in (6, 7):
            source = taken.payload["message"]
            taken.original = int(source["id"])
            kept = self.state.messages.get(taken.original)
            if kept is None:
                raise RefusedError(404, 10008, "Unknown Message")
            if kind == 7:
                await self._change(kept, data, sent)
            return kept
        return None

    async def _say(self, taken: Interaction, body: Json, files: Files) -> Json:
        """Create a message that answers an interaction."""
        channel = self.state.channels[taken.channel_id]
        named = {"id": str(taken.id), "type": taken.kind, "user": self.state.users[taken.user_id]}
        message = self.state.write(
            channel,
            self.state.me,
            body,
            type=20 if taken.kind == 2 else 0,
            application_id=str(APPLICATION),
            webhook_id=str(APPLICATION),
            interaction_metadata={**named, "authorizing_integration_owners": {}},
        )
        for name, content, kind in files.values():
            self.state.attach(message, content, name, kind)
        if not message["flags"] & EPHEMERAL:
            await self.gateway.emit("MESSAGE_CREATE", message)
        return message

    def _by_token(self, sent: Sent) -> Interaction:
        taken = self.state.interactions.get(sent.match["token"])
        if taken is None or sent.number("app") != APPLICATION or taken.response is None:
            raise RefusedError(404, 10015, "Unknown Webhook")
        if time.monotonic() - taken.sent_at > TOKEN_SECONDS:
            raise RefusedError(401, 50027, "Invalid Webhook Token")
        return taken

    async def _follow_up(self, sent: Sent) -> Any:
        taken = self._by_token(sent)
        flags = int(sent.body.get("flags") or 0)
        wrong = [*strictness.message(sent.body, edits=False, files=len(sent.files))]
        if flags & ~_RESPONSE_FLAGS:
            wrong.append(f"flags {flags:b}")
        original = self.state.messages.get(taken.original or 0)
        if original is not None and original["flags"] & LOADING:
            wrong.append("a message that takes the place of the promised one")
        self._refuse(sent, wrong)
        message = await self._say(taken, sent.body, sent.files)
        taken.followups.append(int(message["id"]))
        return message

    def _said_by(self, sent: Sent) -> tuple[Interaction, Json]:
        taken = self._by_token(sent)
        wanted = sent.match["message"]
        number = taken.original if wanted == "@original" else int(wanted)
        message = self.state.messages.get(number or 0)
        if message is None or number not in (taken.original, *taken.followups):
            raise RefusedError(404, 10008, "Unknown Message")
        return taken, message

    async def _said(self, sent: Sent) -> Any:
        return self._said_by(sent)[1]

    async def _edit_said(self, sent: Sent) -> Any:
        _, message = self._said_by(sent)
        self._refuse(sent, _wrong_edit(message, sent))
        message["flags"] &= ~LOADING
        await self._change(message, sent.body, sent)
        return message

    async def _delete_said(self, sent: Sent) -> Any:
        _, message = self._said_by(sent)
        await self._remove(message)

    # Messages.

    async def _change(self, message: Json, body: Json, sent: Sent) -> None:
        """Apply an edit; other fields stay."""
        message["flags"] |= int(body.get("flags") or 0) & strictness.COMPONENTS_V2
        for key in ("content", "embeds"):
            if key in body:
                message[key] = body[key] or ("" if key == "content" else [])
        if "components" in body:
            message["components"] = numbered(body["components"] or [])
        if "attachments" in body or sent.files:
            named = body.get("attachments")
            kept = None if named is None else {str(one["id"]) for one in named}
            message["attachments"] = [
                one for one in message["attachments"] if kept is None or one["id"] in kept
            ]
            for name, content, kind in sent.files.values():
                self.state.attach(message, content, name, kind)
        message["edited_timestamp"] = now()
        if not message["flags"] & EPHEMERAL:
            await self.gateway.emit("MESSAGE_UPDATE", message)

    async def _remove(self, message: Json) -> None:
        del self.state.messages[int(message["id"])]
        if not message["flags"] & EPHEMERAL:
            gone = {key: message[key] for key in ("id", "channel_id")}
            guild = {"guild_id": message["guild_id"]} if "guild_id" in message else {}
            await self.gateway.emit("MESSAGE_DELETE", {**gone, **guild})

    async def _send(self, sent: Sent) -> Any:
        channel_id = sent.number("channel")
        needs = "view_channel send_messages" + (" attach_files" if sent.files else "")
        channel = self.state.reachable(channel_id, needs)
        if channel["type"] == 1:
            recipient = int(channel["recipients"][0]["id"])
            if recipient in self.state.without_messages:
                raise RefusedError(403, 50007, "Cannot send messages to this user")
        self._refuse(sent, strictness.message(sent.body, edits=False, files=len(sent.files)))
        nonce = (channel_id, str(sent.body.get("nonce")))
        if sent.body.get("enforce_nonce") and nonce in self.state.nonces:
            return self.state.messages[self.state.nonces[nonce]]
        more: Json = {}
        reference = sent.body.get("message_reference")
        if reference is not None:
            answered = self.state.messages.get(int(reference["message_id"]))
            if answered is None and reference.get("fail_if_not_exists", True):
                errors = {"message_reference": {"_errors": [{"code": "X", "message": "Unknown"}]}}
                raise RefusedError(400, 50035, "Invalid Form Body", errors)
            said = {**reference, "message_id": str(reference["message_id"])}
            more = {"type": 19, "message_reference": said, "referenced_message": answered}
        message = self.state.write(channel, self.state.me, sent.body, **more)
        for name, content, kind in sent.files.values():
            self.state.attach(message, content, name, kind)
        if sent.body.get("nonce") is not None:
            message["nonce"] = sent.body["nonce"]
            self.state.nonces[nonce] = int(message["id"])
        await self.gateway.emit("MESSAGE_CREATE", message)
        return message

    async def _history(self, sent: Sent) -> Any:
        channel_id = sent.number("channel")
        self.state.reachable(channel_id, "view_channel read_message_history")
        found = [
            one
            for one in self.state.messages.values()
            if one["channel_id"] == str(channel_id) and not one["flags"] & EPHEMERAL
        ]
        # What Discord gives is the newest first, also of what comes after a message.
        most, after = int(sent.query.get("limit", "50")), int(sent.query.get("after", "0"))
        before = int(sent.query.get("before", str(1 << 63)))
        found = [one for one in found if after < int(one["id"]) < before]
        return (found[:most] if after else found[-most:])[::-1]

    async def _pins(self, sent: Sent) -> Any:
        channel_id = sent.number("channel")
        self.state.reachable(channel_id, "view_channel read_message_history")
        pinned = [
            {"pinned_at": one["timestamp"], "message": one}
            for one in self.state.messages.values()
            if one["channel_id"] == str(channel_id) and one["pinned"]
        ]
        return {"items": pinned[::-1], "has_more": False}

    async def _begin_thread(self, sent: Sent) -> Any:
        channel = self.state.reachable(sent.number("channel"), "view_channel create_public_threads")
        message = self.state.message(sent.number("channel"), sent.number("message"))
        if int(message["id"]) in self.state.channels:
            raise RefusedError(400, 160004, "A thread has already been created for this message")
        return await self._made(channel, sent, thread_id=int(message["id"]))

    async def _begin_post(self, sent: Sent) -> Any:
        forum = self.state.reachable(sent.number("channel"), "view_channel send_messages")
        if forum["type"] != 15:
            raise RefusedError(400, 50024, "Cannot execute action on this channel type")
        said = sent.body["message"]
        self._refuse(sent, strictness.message(said, edits=False, files=len(sent.files)))
        thread = await self._made(forum, sent)
        message = self.state.write(thread, self.state.me, said)
        await self.gateway.emit("MESSAGE_CREATE", message)
        return {**thread, "message": message}

    async def _made(self, parent: Json, sent: Sent, thread_id: int | None = None) -> Json:
        name = sent.body["name"]
        if not 1 <= len(name) <= 100:
            self._refuse(sent, [f"a thread that is called {name!r}"])
        thread = self.state.add_thread(parent, name, thread_id=thread_id)
        thread["owner_id"] = str(APPLICATION)
        await self.gateway.emit("THREAD_CREATE", {**thread, "newly_created": True})
        return thread

    async def _active(self, sent: Sent) -> Any:
        return {"threads": self._threads(sent.match["guild"], archived=False), "members": []}

    async def _archived(self, sent: Sent) -> Any:
        channel = self.state.reachable(sent.number("channel"), "view_channel read_message_history")
        found = self._threads(channel["guild_id"], archived=True)
        own = [one for one in found if one["parent_id"] == channel["id"]]
        before = sent.query.get("before", "9")
        old = [one for one in own if one["thread_metadata"]["archive_timestamp"] < before]
        return {"threads": old[::-1], "members": [], "has_more": False}

    def _threads(self, guild_id: str, *, archived: bool) -> list[Json]:
        return [
            one
            for one in self.state.channels.values()
            if one.get("guild_id") == guild_id
            and one["type"] == 11
            and one["thread_metadata"]["archived"] is archived
        ]

    async def _message(self, sent: Sent) -> Any:
        channel_id = sent.number("channel")
        self.state.reachable(channel_id, "view_channel read_message_history")
        return self.state.message(channel_id, sent.number("message"))

    def _own(self, sent: Sent) -> Json:
        self.state.reachable(sent.number("channel"))
        message = self.state.message(sent.number("channel"), sent.number("message"))
        if message["author"]["id"] != str(APPLICATION):
            raise RefusedError(403, 50005, "Cannot edit a message authored by another user")
        return message

    async def _edit(self, sent: Sent) -> Any:
        message = self._own(sent)
        self._refuse(sent, _wrong_edit(message, sent))
        await self._change(message, sent.body, sent)
        return message

    async def _delete(self, sent: Sent) -> Any:
        await self._remove(self._own(sent))

    async def _typing(self, sent: Sent) -> Any:
        self.state.reachable(sent.number("channel"), "view_channel send_messages")

    # Places and people.

    async def _channel(self, sent: Sent) -> Any:
        return self.state.reachable(sent.number("channel"))

    async def _edit_thread(self, sent: Sent) -> Any:
        """Set the tags of a post: nothing else of a channel is edited."""
        thread = self.state.reachable(sent.number("channel"), "view_channel manage_threads")
        forum = self.state.channels[int(thread["parent_id"])]
        known = {tag["id"] for tag in forum["available_tags"]}
        tags = sent.body.get("applied_tags", [])
        wrong = [f"a change of {key}" for key in sent.body if key != "applied_tags"]
        if len(tags) > 5 or not known.issuperset(tags):
            wrong.append(f"tags {tags}")
        self._refuse(sent, wrong)
        thread["applied_tags"] = tags
        await self.gateway.emit("THREAD_UPDATE", thread)
        return thread

    async def _direct(self, sent: Sent) -> Any:
        if int(sent.body["recipient_id"]) not in self.state.users:
            raise RefusedError(400, 50033, "Invalid Recipient(s)")
        return self.state.direct(int(sent.body["recipient_id"]))

    async def _guilds(self, _sent: Sent) -> Any:
        return [{"permissions": "0", **one} for one in self.state.guilds.values()]

    async def _user(self, sent: Sent) -> Any:
        found = self.state.users.get(sent.number("user"))
        if found is None:
            raise RefusedError(404, 10013, "Unknown User")
        return found

    async def _guild(self, sent: Sent) -> Any:
        found = self.state.guilds.get(sent.number("guild"))
        if found is None:
            raise RefusedError(404, 10004, "Unknown Guild")
        return found

    async def _member(self, sent: Sent) -> Any:
        return self.state.member(sent.number("guild"), sent.number("user"))


def _wrong_edit(message: Json, sent: Sent) -> Iterable[str]:
    files = len(sent.files)
    return strictness.message(sent.body, edits=True, files=files, before=message)


def _wrong_response(taken: Interaction, kind: int, data: Json, files: int) -> Iterable[str]:
    """Violations of a first response."""
    flags = int(data.get("flags") or 0)
    if (kind == 8) != (taken.kind == 4):
        yield f"response {kind} to an interaction of kind {taken.kind}"
    if kind in (6, 7) and "message" not in taken.payload:
        yield "there is no message to edit"
    if kind == 9 and taken.kind == 5:
        yield "a form as the response to a form"
    if kind == 4:
        yield from strictness.message(data, edits=False, files=files)
        if flags & ~_RESPONSE_FLAGS:
            yield f"flags {flags:b}"
    elif kind == 5 and (flags & ~strictness.EPHEMERAL or set(data) - {"flags"}):
        yield "a promise that says more than who will see it"
    elif kind == 7:
        yield from strictness.message(data, edits=True, files=files)
    elif kind == 8:
        yield from strictness.choices(data.get("choices") or [])
    elif kind == 9:
        yield from strictness.form(data)

"""Client of an endpoint with OpenAI's chat completions; bounded in time, size and concurrency.

A request ends with a reply or a failure before its deadline. There are no redirects, proxies or
compression. If the server refuses a parameter, such as a JSON schema, the client repeats the
request without this parameter. Logs and problems contain neither text nor the key.

A circuit breaker protects the endpoint: after five failures within a minute, no request is sent for
five minutes. Then one trial request is sent, and its outcome closes the circuit or opens it again.
The endpoint can also pause requests with a `Retry-After` header, which doesn't count as a failure.

Source:
    OpenAI's API reference, "Create chat completion", and "Structured outputs".
"""

import asyncio
import email.utils
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from bot.answers.phrased import Outcome

CONNECT_SECONDS: Final = 2.0
REPLY_BYTES: Final = 65_536
# Pause for a busy endpoint that names none, and the bound on `Retry-After`.
PAUSE_SECONDS: Final = 10.0
LONGEST_PAUSE_SECONDS: Final = 3_600.0

FAILURES: Final = 5
WITHIN_SECONDS: Final = 60.0
OPEN_SECONDS: Final = 300.0

_PATH: Final = "/chat/completions"
_LIMIT: Final = "max_tokens"
_REFUSAL_BYTES: Final = 4_096


class EndpointSettings(NamedTuple):
    """Base URL and limits of an endpoint; an `in_flight` of 0 means unlimited."""

    url: str
    model: str
    seconds: float = 15.0
    in_flight: int = 2


class Prompt(NamedTuple):
    """Instructions, data, the JSON schema of the reply, and the limit on its length."""

    instructions: str
    data: str
    schema: Mapping[str, Any]
    most_tokens: int


class Reply(NamedTuple):
    """A model's reply. `is_cut` tells whether the reply was cut at `Prompt.most_tokens`."""

    text: str
    is_cut: bool = False
    prompt_tokens: int = 0
    reply_tokens: int = 0


class Failure(NamedTuple):
    """A failed request. `problem` describes the reason without any text of the request."""

    outcome: Outcome
    problem: str


class _Form(NamedTuple):
    """Optional parameters: some servers refuse a schema, a temperature or `max_tokens`."""

    has_schema: bool = True
    has_temperature: bool = True
    limit: str = _LIMIT


class _Message(BaseModel, strict=True):
    content: str


class _Choice(BaseModel, strict=True):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel, strict=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel, strict=True):
    choices: list[_Choice]
    usage: _Usage | None = None


class Circuit:
    """State of one endpoint: closed, open, or half open during a trial request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._open_until = 0.0
        self._paused_until = 0.0
        self._is_open = False
        self._is_tried = False
        self._last = ""

    @property
    def is_open(self) -> bool:
        """Whether requests are blocked after too many failures."""
        return self._is_open and (self._is_tried or self._clock() < self._open_until)

    @property
    def is_paused(self) -> bool:
        """Whether a pause that the endpoint asked for still lasts."""
        return self._clock() < self._paused_until

    @property
    def problem(self) -> str:
        """Why requests are blocked; "" if the circuit is closed and no pause lasts."""
        if self._is_open:
            return f"it failed too often, the last time because it {self._last}"
        if self.is_paused:
            left = ceil(self._paused_until - self._clock())
            return f"it asked to be left alone for {left} seconds more"
        return ""

    def begin(self) -> None:
        """Record that a request begins. If the circuit is open, this request is the trial."""
        self._is_tried = self._is_open

    def abandon(self) -> None:
        """Record a request that ended without showing whether the endpoint works."""
        self._is_tried = False

    def succeed(self) -> None:
        self._is_open = self._is_tried = False
        self._failures.clear()

    def fail(self, how: str) -> None:
        """Record a failure, described by `how`, such as "answered 500"."""
        now = self._clock()
        self._last = how
        self._failures.append(now)
        often = len(self._failures) == FAILURES and now - self._failures[0] <= WITHIN_SECONDS
        if often or self._is_tried:
            self._is_open = True
            self._open_until = now + OPEN_SECONDS
        self._is_tried = False

    def pause(self, seconds: float) -> None:
        """Block requests for some seconds, at most an hour."""
        self._paused_until = self._clock() + min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)
        self._is_tried = False


class Endpoint:
    """An endpoint, its connection and its circuit breaker."""

    def __init__(
        self, settings: EndpointSettings, key: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare the client, unconnected; ValueError if no HTTP header can contain the key."""
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise ValueError("The key of the endpoint has characters that can't be sent.")
        self.settings = settings
        self.host = urlsplit(settings.url).hostname or ""
        self.circuit = Circuit(clock)
        self._url = settings.url.rstrip("/").removesuffix(_PATH) + _PATH
        self._in_flight = 0
        self._form = _Form()
        self._refused = ""
        # It would log each request's address.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        self._client = httpx2.AsyncClient(
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": "commonplace",
                **({"Authorization": f"Bearer {key}"} if key else {}),
            },
            transport=httpx2.AsyncHTTPTransport(
                trust_env=False,
                # One retry to connect, before anything is sent. No keep-alive: a connection that
                # the server closed would fail after the request was sent.
                retries=1,
                limits=httpx2.Limits(max_keepalive_connections=0),
            ),
            timeout=httpx2.Timeout(settings.seconds, connect=CONNECT_SECONDS),
            trust_env=False,
            follow_redirects=False,
        )

    @property
    def problem(self) -> str:
        """Return the endpoint's problem as a sentence, or an empty string."""
        found = self.circuit.problem or self._refused
        return f"{self.host} is not asked for phrasing: {found}." if found else ""

    async def close(self) -> None:
        await self._client.aclose()

    async def reply(self, prompt: Prompt) -> Reply | Failure:
        """Ask the model once."""
        if self.circuit.is_open:
            return Failure(Outcome.OPEN, self.circuit.problem)
        if self.circuit.is_paused:
            return Failure(Outcome.BUSY, self.circuit.problem)
        if 0 < self.settings.in_flight <= self._in_flight:
            return Failure(Outcome.BUSY, "as many requests are under way as may be")
        self.circuit.begin()
        self._in_flight += 1
        found: Reply | Failure | None = None
        try:
            found = await self._within_deadline(prompt)
        finally:
            self._in_flight -= 1
            match found:
                case Reply():
                    self._refused = ""
                    self.circuit.succeed()
                case Failure(outcome=Outcome.BUSY) | None:
                    self.circuit.abandon()
                case Failure(problem=problem):
                    self.circuit.fail(problem)
        return found

    async def _within_deadline(self, prompt: Prompt) -> Reply | Failure:
        try:
            async with asyncio.timeout(self.settings.seconds):
                return await self._in_accepted_form(prompt)
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout):
            return Failure(Outcome.LATE, f"took more than {self.settings.seconds:g} seconds")
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return Failure(Outcome.UNREACHABLE, "can't be connected to")
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError):
            # The error's text may quote the request.
            return Failure(Outcome.UNREACHABLE, "broke off, or does not speak HTTP")

    async def _in_accepted_form(self, prompt: Prompt) -> Reply | Failure:
        """Send a request in the form that was accepted last. After a refusal, try other forms."""
        form = self._form
        while True:
            content = json.dumps(_body(self.settings.model, prompt, form)).encode()
            async with self._client.stream("POST", self._url, content=content) as response:
                if response.status_code == 200:
                    self._form = form
                    body = await _read_bounded(response)
                    return _read(body) if isinstance(body, bytes) else body
                following = await _next_form(response, form)
                if following == form:
                    return self._refusal(response)
            form = following

    def _refusal(self, response: httpx2.Response) -> Failure:
        """Turn a status into a failure, without reading the body."""
        status = response.status_code
        said = f"answered {status}"
        pause = _pause(response.headers.get("Retry-After", ""))
        if status in (401, 403, 404):
            self._refused = f"it {said}; its address, model or key is not right"
        if status == 429 or (status == 503 and pause > 0):
            self.circuit.pause(pause or PAUSE_SECONDS)
            return Failure(Outcome.BUSY, said)
        return Failure(Outcome.UNREACHABLE, said)


def _body(model: str, prompt: Prompt, form: _Form) -> dict[str, Any]:
    schema = {"name": "reply", "strict": True, "schema": prompt.schema}
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": prompt.data},
        ],
        **({"temperature": 0} if form.has_temperature else {}),
        form.limit: prompt.most_tokens,
        "response_format": (
            {"type": "json_schema", "json_schema": schema}
            if form.has_schema
            else {"type": "json_object"}
        ),
    }


async def _next_form(response: httpx2.Response, form: _Form) -> _Form:
    """Return the form to try after a refusal; `form` itself if the refusal has another cause."""
    if response.status_code not in (400, 422):
        return form
    # The first bytes name the refused parameter.
    said = b""
    async for chunk in response.aiter_raw():
        said += chunk
        if len(said) >= _REFUSAL_BYTES:
            break
    said = said[:_REFUSAL_BYTES]
    if b"max_completion_tokens" in said and form.limit == _LIMIT:
        return form._replace(limit="max_completion_tokens")
    if b"temperature" in said and form.has_temperature:
        return form._replace(has_temperature=False)
    return form._replace(has_schema=False)


async def _read_bounded(response: httpx2.Response) -> bytes | Failure:
    """Read a JSON body of bounded size."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not media_type.endswith("json"):
        return Failure(Outcome.INVALID, "answered something that is not JSON")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Failure(Outcome.INVALID, "answered something packed, which was not asked for")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > REPLY_BYTES:
            return Failure(Outcome.INVALID, f"answered more than {REPLY_BYTES:,} bytes")
    return bytes(body)


def _read(body: bytes) -> Reply | Failure:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        return Failure(Outcome.INVALID, "answered something that is no chat completion")
    if not completion.choices:
        return Failure(Outcome.INVALID, "answered nothing")
    choice, usage = completion.choices[0], completion.usage or _Usage()
    # The database can't store any number.
    tokens = (min(max(n or 0, 0), 10**9) for n in (usage.prompt_tokens, usage.completion_tokens))
    return Reply(choice.message.content, choice.finish_reason == "length", *tokens)


def _pause(retry_after: str) -> float:
    """Return the seconds of a `Retry-After` header, a number or a date; 0 if it is invalid.

    Source:
        RFC 9110, "Retry-After".
    """
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        until = email.utils.parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return 0.0
    aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max((aware - datetime.now(UTC)).total_seconds(), 0.0)

"""Client of one endpoint with OpenAI's chat completions: one POST, bounded in time, size, number.

Whatever the endpoint does, the result is a reply or the reason why there is none. A request has a
deadline as a whole; no redirect is followed, no proxy used, nothing unpacked, nothing sent twice
but in another form: where a server refuses JSON schemas, plain JSON is asked for, and remembered.
Nothing here is logged, neither words nor the key; problems name neither.

Source:
    OpenAI's API reference, "Create chat completion", and "Structured outputs".
"""

import asyncio
import email.utils
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from bot.answers.phrased import Outcome
from bot.phrasing.circuit import Circuit

CONNECT_SECONDS: Final = 2.0
REPLY_BYTES: Final = 65_536
# Where it is busy and does not say for how long.
PAUSE_SECONDS: Final = 10.0

_PATH: Final = "/chat/completions"
_LIMIT: Final = "max_tokens"
_REFUSAL_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where an endpoint is and how long it may take.

    Attributes:
        url: the base of the interface, such as `http://127.0.0.1:8080/v1`.
        model: what the endpoint calls the model.
        seconds: how long a request may take as a whole.
        in_flight: how many requests may be under way at once; 0 is any number.
    """

    url: str
    model: str
    seconds: float = 15.0
    in_flight: int = 2


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked: instructions, data, and the form of the reply.

    Attributes:
        schema: the JSON schema of the reply.
        most_tokens: how long the reply may be.
    """

    instructions: str
    data: str
    schema: Mapping[str, Any]
    most_tokens: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said; `is_cut` where it was not done when its limit was reached."""

    text: str
    is_cut: bool = False
    prompt_tokens: int = 0
    reply_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no reply; `problem` says what the endpoint did, without a word of the data."""

    outcome: Outcome
    problem: str


@dataclass(frozen=True, slots=True)
class _Form:
    """How a server wants to be asked: reasoning models take another limit and no temperature."""

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


class Endpoint:
    """One endpoint, its connection settings, and how it fared."""

    def __init__(
        self,
        settings: EndpointSettings,
        key: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to nothing yet.

        Args:
            settings: where, which model, how long.
            key: sent as a bearer token, if there is one.
            clock: what the circuit breaker goes by.

        Raises:
            ValueError: if the key has a character that no header can hold.
        """
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
                # One more attempt to connect, before anything is sent. No connection is kept: one
                # that the other side has closed meanwhile would fail after something was sent.
                retries=1,
                limits=httpx2.Limits(max_keepalive_connections=0),
            ),
            timeout=httpx2.Timeout(settings.seconds, connect=CONNECT_SECONDS),
            trust_env=False,
            follow_redirects=False,
        )

    @property
    def problem(self) -> str:
        """What is wrong with the endpoint, as a sentence; nothing while it may be asked."""
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
        self.circuit.began()
        self._in_flight += 1
        found: Reply | Failure | None = None
        try:
            found = await self._within_deadline(prompt)
        finally:
            self._in_flight -= 1
            self._tell_circuit(found)
        return found

    def _tell_circuit(self, found: Reply | Failure | None) -> None:
        match found:
            case Reply():
                self._refused = ""
                self.circuit.succeeded()
            case Failure(outcome=Outcome.BUSY) | None:
                self.circuit.abandoned()
            case Failure(problem=problem):
                self.circuit.failed(problem)

    async def _within_deadline(self, prompt: Prompt) -> Reply | Failure:
        late = Failure(Outcome.LATE, f"took more than {self.settings.seconds:g} seconds")
        try:
            async with asyncio.timeout(self.settings.seconds):
                return await self._in_a_form_it_knows(prompt)
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout):
            return late
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return Failure(Outcome.UNREACHABLE, "can't be connected to")
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError):
            # What such an error says can hold what was sent.
            return Failure(Outcome.UNREACHABLE, "broke off, or does not speak HTTP")

    async def _in_a_form_it_knows(self, prompt: Prompt) -> Reply | Failure:
        """The reply to a request as the server takes it: a form that is refused costs nothing."""
        form = self._form
        while True:
            content = json.dumps(_body(self.settings.model, prompt, form)).encode()
            async with self._client.stream("POST", self._url, content=content) as response:
                if response.status_code == 200:
                    self._form = form
                    body = await _bounded(response)
                    return _read(body) if isinstance(body, bytes) else body
                refused = _refused_form(response.status_code, form, await _beginning(response))
                if refused == form:
                    return self._refusal(response)
            form = refused

    def _refusal(self, response: httpx2.Response) -> Failure:
        """What a status says; what else is in the answer is not read."""
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


def _refused_form(status: int, form: _Form, said: bytes) -> _Form:
    """The form to try next where one is refused; the same if it is not the form."""
    if status not in (400, 422):
        return form
    if b"max_completion_tokens" in said and form.limit == _LIMIT:
        return replace(form, limit="max_completion_tokens")
    if b"temperature" in said and form.has_temperature:
        return replace(form, has_temperature=False)
    return replace(form, has_schema=False)


async def _beginning(response: httpx2.Response) -> bytes:
    """The first bytes of what is said of a refusal: read by this program alone, and never kept."""
    said = b""
    async for chunk in response.aiter_raw():
        said += chunk
        if len(said) >= _REFUSAL_BYTES:
            break
    return said[:_REFUSAL_BYTES]


async def _bounded(response: httpx2.Response) -> bytes | Failure:
    """The body as it is sent, if it is JSON of no more than so many bytes."""
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
    return Reply(
        choice.message.content,
        choice.finish_reason == "length",
        _counted(usage.prompt_tokens),
        _counted(usage.completion_tokens),
    )


def _counted(tokens: int | None) -> int:
    """How many tokens an endpoint says there were: no number that no database could hold."""
    return min(max(tokens or 0, 0), 10**9)


def _pause(retry_after: str) -> float:
    """For how many seconds a `Retry-After` asks, in either of its forms; 0 if it can't be read.

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

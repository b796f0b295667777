"""The endpoint's client against a scripted endpoint that does whatever a server can do."""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.answers.phrased import Outcome
from bot.phrasing.endpoint import (
    FAILURES,
    LONGEST_PAUSE_SECONDS,
    OPEN_SECONDS,
    WITHIN_SECONDS,
    Endpoint,
    EndpointSettings,
    Failure,
    Prompt,
    Reply,
)
from tests.bot.phrasing.scripted_endpoint import (
    KEY,
    MODEL,
    Behaviour,
    ScriptedEndpoint,
    completion,
    drips,
    fails,
    floods,
    refuses,
    refuses_schemas,
    says,
    says_as,
    sends_bytes,
    waits,
)

WORD = "word0123456789word"
PROMPT = Prompt("Reply with JSON.", f'{WORD}\n{{"question": "?"}}\n{WORD}', {}, 9)
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(scripted: ScriptedEndpoint, clock: Clock | None = None, **settings: float) -> Endpoint:
    values = {"seconds": 60.0, "in_flight": 2, **settings}
    return Endpoint(
        EndpointSettings(scripted.url, MODEL, values["seconds"], int(values["in_flight"])),
        KEY,
        clock or Clock(),
    )


async def test_a_reply_counts_tokens(endpoint: Endpoint, scripted: ScriptedEndpoint) -> None:
    scripted.will(says("words"), says("wor", finish_reason="length"))
    assert await endpoint.reply(PROMPT) == Reply("words", False, 210, 17)
    assert await endpoint.reply(PROMPT) == Reply("wor", True, 210, 17)
    assert endpoint.problem == ""


FAILING: dict[str, tuple[Behaviour, Outcome]] = {
    "500": (fails(500), Outcome.UNREACHABLE),
    "401": (fails(401), Outcome.UNREACHABLE),
    "429": (fails(429, Retry_After="7"), Outcome.BUSY),
    "503 with Retry-After": (fails(503, Retry_After="7"), Outcome.BUSY),
    "redirect": (fails(307, Location="http://127.0.0.1:1/"), Outcome.UNREACHABLE),
    "10 MB": (floods(), Outcome.INVALID),
    "cut JSON": (says_as("application/json", '{"choices": [{"mess'), Outcome.INVALID),
    "no choices": (says_as("application/json", '{"choices": []}'), Outcome.INVALID),
    "a refusal": (says(None), Outcome.INVALID),
    "nested": (says_as("application/json", "[" * 60_000), Outcome.INVALID),
    "no UTF-8": (says_as("application/json", b"\xff"), Outcome.INVALID),
    "HTML": (says_as("text/html", "<html>"), Outcome.INVALID),
    "packed": (says_as("application/json", "{}", Content_Encoding="gzip"), Outcome.INVALID),
    "garbage": (sends_bytes(b"\x00\xff not HTTP \r\n\r\n"), Outcome.UNREACHABLE),
    "hangs up": (sends_bytes(b""), Outcome.UNREACHABLE),
    "hangs up within": (sends_bytes(ENDLESS), Outcome.UNREACHABLE),
}


@pytest.mark.parametrize("kind", FAILING)
async def test_each_failure_of_the_endpoint_has_an_outcome(
    kind: str, endpoint: Endpoint, scripted: ScriptedEndpoint
) -> None:
    behaviour, outcome = FAILING[kind]
    scripted.will(behaviour)
    found = await endpoint.reply(PROMPT)
    assert isinstance(found, Failure)
    assert found.outcome is outcome
    assert len(scripted.bodies) == 1


@pytest.mark.parametrize("slow", ["never", "drips"])
async def test_deadline_covers_the_whole_request(slow: str, scripted: ScriptedEndpoint) -> None:
    endpoint = opened(scripted, seconds=0.2)
    scripted.will(drips() if slow == "drips" else waits(scripted, says("late")))
    found = await endpoint.reply(PROMPT)
    assert found == Failure(Outcome.LATE, "took more than 0.2 seconds")
    await endpoint.close()


async def test_closed_port_is_unreachable() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        endpoint = Endpoint(EndpointSettings(url, MODEL))
        found = await endpoint.reply(PROMPT)
        await endpoint.close()
    assert found == Failure(Outcome.UNREACHABLE, "can't be connected to")


async def test_schemas_are_refused_once(endpoint: Endpoint, scripted: ScriptedEndpoint) -> None:
    scripted.always(refuses_schemas(says("{}")))
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    forms = [body["response_format"]["type"] for body in scripted.bodies]
    assert forms == ["json_schema", "json_object", "json_object"]


async def test_refused_options_are_learned(endpoint: Endpoint, scripted: ScriptedEndpoint) -> None:
    unsupported = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    value = "Unsupported value: 'temperature' does not support 0 with this model."
    scripted.always(refuses("max_tokens", unsupported, refuses("temperature", value, says("{}"))))
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    assert len(scripted.bodies) == 4
    assert all(body["response_format"]["type"] == "json_schema" for body in scripted.bodies)


async def test_server_that_refuses_every_form_gets_four_requests(
    endpoint: Endpoint, scripted: ScriptedEndpoint
) -> None:
    scripted.always(fails(422, body="max_completion_tokens temperature" * 1_000))
    assert isinstance(await endpoint.reply(PROMPT), Failure)
    assert len(scripted.bodies) == 4


async def test_refusal_in_each_form_keeps_the_schema(
    endpoint: Endpoint, scripted: ScriptedEndpoint
) -> None:
    scripted.will(fails(400), fails(400), says("{}"))
    assert isinstance(await endpoint.reply(PROMPT), Failure)
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    forms = [body["response_format"]["type"] for body in scripted.bodies]
    assert forms == ["json_schema", "json_object", "json_schema"]


async def test_limit_of_requests_in_flight_holds(scripted: ScriptedEndpoint) -> None:
    endpoint = opened(scripted, in_flight=1)
    scripted.always(waits(scripted, says("{}")))
    first = asyncio.create_task(endpoint.reply(PROMPT))
    await scripted.arrived.wait()
    second = await endpoint.reply(PROMPT)
    assert isinstance(second, Failure)
    assert second.outcome is Outcome.BUSY
    scripted.released.set()
    assert isinstance(await first, Reply)
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    await endpoint.close()


async def test_limit_of_zero_is_unlimited(scripted: ScriptedEndpoint) -> None:
    endpoint = opened(scripted, in_flight=0)
    scripted.always(waits(scripted, says("{}")))
    tasks = [asyncio.create_task(endpoint.reply(PROMPT)) for _ in range(4)]
    await scripted.arrived.wait()
    scripted.released.set()
    assert all(isinstance(one, Reply) for one in await asyncio.gather(*tasks))
    await endpoint.close()


async def test_cancelled_request_frees_its_place(scripted: ScriptedEndpoint) -> None:
    endpoint = opened(scripted, in_flight=1)
    scripted.will(waits(scripted, says("{}")), says("{}"))
    first = asyncio.create_task(endpoint.reply(PROMPT))
    await scripted.arrived.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    await endpoint.close()


async def test_failures_open_the_circuit(scripted: ScriptedEndpoint, clock: Clock) -> None:
    endpoint = opened(scripted, clock)
    scripted.will(*[fails(500)] * FAILURES)
    for _ in range(FAILURES):
        assert endpoint.problem == ""
        await endpoint.reply(PROMPT)
    assert endpoint.problem == (
        "127.0.0.1 is not asked for phrasing: it failed too often, the last time because it "
        "answered 500."
    )
    found = await endpoint.reply(PROMPT)
    assert isinstance(found, Failure)
    assert found.outcome is Outcome.OPEN
    assert len(scripted.bodies) == FAILURES
    clock.now += OPEN_SECONDS
    scripted.will(fails(502), says("{}"))
    assert isinstance(await endpoint.reply(PROMPT), Failure)
    assert "502" in endpoint.problem
    found = await endpoint.reply(PROMPT)
    assert isinstance(found, Failure)
    assert found.outcome is Outcome.OPEN
    clock.now += OPEN_SECONDS
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    assert endpoint.problem == ""
    await endpoint.close()


async def test_trial_request_blocks_all_others(scripted: ScriptedEndpoint, clock: Clock) -> None:
    endpoint = opened(scripted, clock)
    scripted.will(*[fails(500)] * FAILURES, waits(scripted, says("{}")))
    for _ in range(FAILURES):
        await endpoint.reply(PROMPT)
    clock.now += OPEN_SECONDS
    scripted.arrived.clear()
    trying = asyncio.create_task(endpoint.reply(PROMPT))
    await scripted.arrived.wait()
    other = await endpoint.reply(PROMPT)
    assert isinstance(other, Failure)
    assert other.outcome is Outcome.OPEN
    scripted.released.set()
    assert isinstance(await trying, Reply)
    await endpoint.close()


async def test_rare_failures_open_no_circuit(scripted: ScriptedEndpoint, clock: Clock) -> None:
    endpoint = opened(scripted, clock)
    scripted.always(fails(500))
    for _ in range(2 * FAILURES):
        await endpoint.reply(PROMPT)
        clock.now += WITHIN_SECONDS / 2
    assert endpoint.problem == ""
    await endpoint.close()


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("30", 30.0),
        ("9" * 40, LONGEST_PAUSE_SECONDS),
        ("soon", 10.0),
        ("", 10.0),
        (
            format_datetime(datetime.now(UTC) + timedelta(days=2), usegmt=True),
            LONGEST_PAUSE_SECONDS,
        ),
        (format_datetime(datetime.now(UTC) - timedelta(days=2), usegmt=True), 10.0),
    ],
    ids=["seconds", "too long", "unreadable", "none", "a date", "a date that is past"],
)
async def test_retry_after_pauses_requests(
    retry_after: str, seconds: float, scripted: ScriptedEndpoint, clock: Clock
) -> None:
    endpoint = opened(scripted, clock)
    scripted.will(fails(429, Retry_After=retry_after), says("{}"))
    await endpoint.reply(PROMPT)
    assert "asked to be left alone" in endpoint.problem
    clock.now += seconds - 1
    found = await endpoint.reply(PROMPT)
    assert isinstance(found, Failure)
    assert found.outcome is Outcome.BUSY
    assert len(scripted.bodies) == 1
    clock.now += 1
    assert endpoint.problem == ""
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    await endpoint.close()


async def test_a_refused_key_shows_at_once(endpoint: Endpoint, scripted: ScriptedEndpoint) -> None:
    scripted.will(fails(401, body=f'"{KEY}"'), says("{}"))
    found = await endpoint.reply(PROMPT)
    assert "it answered 401; its address, model or key is not right" in endpoint.problem
    assert KEY not in f"{found} {endpoint.problem} {endpoint!r}"
    await endpoint.reply(PROMPT)
    assert endpoint.problem == ""


@pytest.mark.parametrize("key", ["two words", "a\nline", "schlüssel"])
def test_error_about_an_invalid_key_hides_it(key: str) -> None:
    with pytest.raises(ValueError, match="can't be sent") as error:
        Endpoint(EndpointSettings("http://127.0.0.1/v1", MODEL), key)
    assert key not in str(error.value)


async def test_proxies_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, scripted: ScriptedEndpoint
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    endpoint = opened(scripted)
    scripted.will(says("{}"))
    assert isinstance(await endpoint.reply(PROMPT), Reply)
    await endpoint.close()


async def test_url_may_have_a_slash_or_the_whole_path(scripted: ScriptedEndpoint) -> None:
    for url in (f"{scripted.url}/", f"{scripted.url}/chat/completions"):
        endpoint = Endpoint(EndpointSettings(url, MODEL), KEY)
        scripted.will(says("{}"))
        assert isinstance(await endpoint.reply(PROMPT), Reply)
        await endpoint.close()


@pytest.mark.parametrize("number", [None, -5, 10**30])
async def test_invalid_count_of_tokens_is_bounded(
    number: object, endpoint: Endpoint, scripted: ScriptedEndpoint
) -> None:
    body = completion("{}") | {"usage": {"prompt_tokens": number}}
    scripted.will(says_as("application/json", json.dumps(body)))
    found = await endpoint.reply(PROMPT)
    match found:
        case Reply(prompt_tokens=tokens):
            assert 0 <= tokens <= 10**9
        case Failure(outcome=outcome):
            assert outcome is Outcome.INVALID

"""The HTTP interface: answers, refusals, and conformance to its OpenAPI description."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from bot.answers import question_checks
from bot.config.host_names import allowed_hosts
from bot.core.core import Core
from bot.core.worker import DropReason, Worker, WorkerBusyError
from bot.programs.http_api import http_api
from bot.programs.http_limits import BODY_BYTES
from bot.programs.http_server import Tokens
from bot.programs.service import MOST_PASSAGES, Answered, Reader
from tests.bot.programs.quokkas import ELSEWHERE, HERE, QUESTION, SCOPES, TEXT, shown
from tests.bot.programs.served_processes import GIVEN, TOKEN

pytest.importorskip("fastapi", reason="`commonplace dev serve` needs the extra `serve`")

TOKENS = Tokens((TOKEN.encode(),))


def api(reader: Reader) -> Any:
    hosts = allowed_hosts("127.0.0.1", ["testserver"])
    return http_api(reader, tokens=TOKENS, hosts=hosts, per_second=0)


def client_of(app: Any, **headers: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://127.0.0.1",
        headers=GIVEN | headers,
    )


@pytest.fixture
async def client(worker: Worker[Core]) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(api(Reader(worker, HERE))) as made:
        yield made


# What is given.


async def test_cited_answers_leave_no_record(
    client: httpx2.AsyncClient, worker: Worker[Core]
) -> None:
    answer = (await client.post("/ask", json={"question": QUESTION})).json()
    assert answer["evidence"] in ("strong", "partial")
    assert 0 < answer["probability"] <= 1
    assert (answer["state"] == "sure") is bool(answer["quotes"]) is not bool(answer["places"])
    best = (answer["quotes"] or answer["places"])[0]
    [place] = [one for one in SCOPES if shown(one) == best["document"]]
    assert TEXT.format(place=place) in str(best.get("text", best.get("lines")))
    nothing = (await client.post("/ask", json={"question": "Zyzzyva brvtk gnarl?"})).json()
    assert (nothing["state"], nothing["quotes"], nothing["places"]) == ("unknown", [], [])
    assert await worker.call(lambda core: core.store.counts(HERE)["questions"]) == 0


async def test_results_are_read_by_pathless_ids(client: httpx2.AsyncClient) -> None:
    found = (await client.post("/search", json={"query": "quokka enclosure"})).json()["passages"]
    ids = [passage["document"] for passage in found]
    assert set(ids) == {shown("shared"), shown("here")}
    assert not any("/" in one for one in ids)
    for limit in (1, 1.0):
        search = {"query": "quokka enclosure", "limit": limit}
        assert (await client.post("/search", json=search)).json()["passages"] == found[:1]
    for document in ids:
        whole = (await client.get("/get", params={"document": document})).json()
        assert whole["document"] == document
        assert whole["passages"][0]["text"].startswith("The quokka enclosure")


async def test_concurrent_searches_each_get_their_own_results(worker: Worker[Core]) -> None:
    async with client_of(api(Reader(worker, HERE))) as here:
        queries = [f"quokka enclosure of {name}" for name in ("here", "shared")] * 20
        answers = await asyncio.gather(
            *(here.post("/search", json={"query": query, "limit": 1}) for query in queries)
        )
    for query, answer in zip(queries, answers, strict=True):
        [passage] = answer.json()["passages"]
        assert query.rpartition(" ")[2] in passage["title"]


async def test_overdue_notes_are_noticed(client: httpx2.AsyncClient, worker: Worker[Core]) -> None:
    """No bot, which would notice it, runs in this process."""

    def forget(core: Core) -> None:
        core.answer_pipeline.due = frozenset({"note:1"})

    await worker.call(forget)
    assert (await client.post("/ask", json={"question": QUESTION})).status_code == 200
    assert await worker.call(lambda core: core.answer_pipeline.due) == frozenset()


@pytest.mark.parametrize(
    ("guild_id", "seen"),
    [(None, {"shared"}), (HERE, {"shared", "here"}), (ELSEWHERE, {"shared", "elsewhere"})],
)
async def test_a_program_sees_public_documents_of_its_server_and_no_channel(
    worker: Worker[Core], guild_id: int | None, seen: set[str]
) -> None:
    async with client_of(api(Reader(worker, guild_id))) as client:
        search = {"query": "quokka enclosure", "limit": MOST_PASSAGES}
        found = (await client.post("/search", json=search)).json()["passages"]
        assert {passage["document"] for passage in found} == set(map(shown, seen))
        for name in SCOPES:
            got = await client.get("/get", params={"document": shown(name)})
            assert got.status_code == (200 if name in seen else 404)


# What is refused.


def _problem(answer: httpx2.Response, status: int) -> str:
    """Check that a response is a problem, and return its detail."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"title", "status", "detail"}
    assert problem["status"] == status
    return str(problem["detail"])


@pytest.mark.parametrize("path", ["/ask", "/openapi.json", "/nowhere"])
@pytest.mark.parametrize("given", ["", "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer "])
async def test_a_request_needs_its_token(client: httpx2.AsyncClient, path: str, given: str) -> None:
    answer = await client.get(path, headers={"Authorization": given})
    assert "token" in _problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 421) for host in ("evil.example", "127.0.0.1.evil.example", "", "10.0.0.1:8771")),
        *((host, 200) for host in ("LOCALHOST:1", "127.0.0.1:8771", "[::1]:8771", "testserver")),
    ],
)
async def test_only_this_machines_names_are_served(
    client: httpx2.AsyncClient, host: str, status: int
) -> None:
    """A page of the web can lead its own name to this machine."""
    assert (await client.get("/openapi.json", headers={"Host": host})).status_code == status


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/ask", {"question": ""}, 400, "body.question"),
        ("/ask", {"question": "x" * 2_001}, 400, "2000 characters"),
        ("/ask", {"question": 7}, 400, "string"),
        ("/ask", {"question": "?"}, 422, question_checks._NO_QUESTION.english),
        ("/ask", {"question": "hello"}, 422, "Hello"),
        ("/ask", {}, 400, "required"),
        ("/ask", [], 400, "body"),
        ("/search", {"query": "\ud800"}, 400, "query"),
        ("/search", {"query": "quokka", "limit": 0}, 400, "body.limit"),
        ("/search", {"query": "quokka", "limit": MOST_PASSAGES + 1}, 400, "body.limit"),
        ("/search", {"query": "quokka", "limit": True}, 400, "body.limit"),
        ("/search", {"query": "quokka", "limit": 1.5}, 400, "body.limit"),
        ("/search", {"query": "quokka", "limit": "1"}, 400, "body.limit"),
        ("/search", {"query": "quokka", "guild_id": ELSEWHERE}, 400, "body.guild_id"),
    ],
)
async def test_an_invalid_request_is_explained(
    client: httpx2.AsyncClient, path: str, body: object, status: int, said: str
) -> None:
    content, headers = json.dumps(body), {"Content-Type": "application/json"}
    assert said in _problem(await client.post(path, content=content, headers=headers), status)


async def test_a_body_that_is_not_json_is_refused(client: httpx2.AsyncClient) -> None:
    json_type = {"Content-Type": "application/json"}
    for body in (b"{", b"\xff", b"", b"[" * 20_000):
        _problem(await client.post("/ask", content=body, headers=json_type), 400)
    form = await client.post("/ask", data={"question": QUESTION})
    assert "application/json" in _problem(form, 415)


async def test_a_body_beyond_the_limit_is_not_read(client: httpx2.AsyncClient) -> None:
    assert "bytes" in _problem(await client.post("/ask", content=b"x" * (BODY_BYTES + 1)), 413)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1024
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    _problem(await client.post("/ask", content=endless(), headers=headers), 413)
    assert read <= BODY_BYTES + 2 * 1024


async def test_a_wrong_method_names_the_allowed_ones(client: httpx2.AsyncClient) -> None:
    for method, path, allowed in (
        ("GET", "/ask", "POST"),
        ("HEAD", "/search", "POST"),
        ("OPTIONS", "/ask", "POST"),
        ("POST", "/get", "GET, HEAD"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
    ):
        answer = await client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == allowed
    _problem(await client.get("/docs"), 404)


async def test_head_has_no_body_and_no_cors(client: httpx2.AsyncClient) -> None:
    head, get = await client.head("/openapi.json"), await client.get("/openapi.json")
    assert head.headers == get.headers
    assert (head.content, bool(get.content)) == (b"", True)
    origin = {"Origin": "https://evil.example"}
    asked = {**origin, "Access-Control-Request-Method": "POST"}
    for answer in (
        await client.options("/ask", headers=asked),
        await client.get("/openapi.json", headers=origin),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


class _BusyReader(Reader):
    async def ask(self, question: str) -> Answered:
        raise WorkerBusyError(7, DropReason.BUSY)


class _DefectiveReader(Reader):
    async def ask(self, question: str) -> Answered:
        raise RuntimeError(question)


async def test_busy_names_the_wait_and_defects_nothing(worker: Worker[Core]) -> None:
    async with client_of(api(_BusyReader(worker))) as client:
        answer = await client.post("/ask", json={"question": QUESTION})
    assert "busy" in _problem(answer, 503)
    assert answer.headers["retry-after"] == "7"
    async with client_of(api(_DefectiveReader(worker))) as client:
        answer = await client.post("/ask", json={"question": QUESTION})
    assert "log" in _problem(answer, 500)
    assert "quokka" not in answer.text


# Its own description.


# What has the right shape and yet no word in it can't be looked for (422).
TRIED = {
    "seed": 1,
    "headers": GIVEN,
    "generation": {"deterministic": True, "max-examples": 10, "database": "none"},
    "checks": {"positive_data_acceptance": {"expected-statuses": [200, 404, 422]}},
}


@pytest.mark.slow
async def test_the_interface_conforms_to_its_openapi_description(worker: Worker[Core]) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="it is in the extra `dev`")
    from schemathesis.config import SchemathesisConfig
    from schemathesis.engine import Status, events, from_schema

    app = api(Reader(worker, HERE))

    def tried() -> tuple[int, list[str], set[str]]:
        """The number of requests, the violations, and the status codes."""
        schema = schemathesis.openapi.from_asgi(
            "/openapi.json",
            app,
            headers=GIVEN,
            config=SchemathesisConfig.from_dict(TRIED),
        )
        sent, wrong, statuses = 0, [], set()
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                sent += len(event.recorder.cases)
                checks = [one for some in event.recorder.checks.values() for one in some]
                wrong += [str(one) for one in checks if one.status is not Status.SUCCESS]
                statuses |= {
                    str(exchange.response.status_code)
                    for exchange in event.recorder.interactions.values()
                    if exchange.response is not None
                }
            elif isinstance(event, events.NonFatalError | events.FatalError):
                wrong.append(str(event))
        return sent, wrong, statuses

    sent, wrong, statuses = await asyncio.to_thread(tried)
    assert not wrong
    assert sent > 60
    assert {"200", "400", "401", "404", "405", "415"} <= statuses


async def test_every_operation_is_described(client: httpx2.AsyncClient) -> None:
    description = (await client.get("/openapi.json")).json()
    operations = {
        path: operation
        for path, methods in description["paths"].items()
        for operation in methods.values()
    }
    assert set(operations) == {"/ask", "/search", "/get"}
    for operation in operations.values():
        assert {"200", "400", "401", "413", "421", "429", "503", "504"} <= set(
            operation["responses"]
        )
    assert "examples" in json.dumps(description["components"]["schemas"]["Ask"])
    assert "Validation" not in json.dumps(list(description["components"]["schemas"]))

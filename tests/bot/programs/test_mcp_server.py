"""The MCP server with the official SDK's client: in memory, over stdio and over HTTP."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from bot.answers import question_checks
from bot.core.core import Core
from bot.core.worker import Worker
from bot.programs.http_server import (
    Tokens,
    address_of_socket,
    open_socket,
    serve,
)
from bot.programs.mcp_server import PATH, http_application, mcp_server
from bot.programs.service import Reader
from tests.bot.programs.quokkas import ELSEWHERE, HERE, QUESTION, SCOPES, TEXT, shown
from tests.bot.programs.served_processes import GIVEN, ROOT, TOKEN, environment, served


def _documents(found: Any) -> list[str]:
    names = {shown(name): name for name in SCOPES}
    return [names[one] for one in re.findall(r"file:\w+", str(found))]


async def test_answers_cite_without_recording(worker: Worker[Core]) -> None:
    async with Client(mcp_server(Reader(worker))) as client:
        answered = await client.call_tool("ask", {"question": QUESTION})
        refused = await client.call_tool("ask", {"question": "Zyzzyva brvtk gnarl?"})
    answer, nothing = answered.structured_content, refused.structured_content
    assert answer is not None
    assert answer["evidence"] in ("strong", "partial")
    assert (answer["state"] == "sure") is bool(answer["quotes"]) is not bool(answer["places"])
    best = (answer["quotes"] or answer["places"])[0]
    assert best["document"] == shown("shared")
    assert TEXT.format(place="shared") in str(best.get("text", best.get("lines")))
    assert nothing is not None
    assert (nothing["state"], nothing["quotes"], nothing["places"]) == ("unknown", [], [])
    assert await worker.call(lambda core: core.store.counts(HERE)["questions"]) == 0


@pytest.mark.parametrize(
    ("guild_id", "seen"),
    [(None, {"shared"}), (HERE, {"shared", "here"}), (ELSEWHERE, {"shared", "elsewhere"})],
)
async def test_a_program_sees_public_documents_of_its_server_and_no_channel(
    worker: Worker[Core], guild_id: int | None, seen: set[str]
) -> None:
    async with Client(mcp_server(Reader(worker, guild_id))) as client:
        found = await client.call_tool("search", {"query": "quokka enclosure", "limit": 50})
        assert set(_documents(found.structured_content)) == seen
        answers = [
            await client.call_tool("ask", {"question": f"{QUESTION[:-1]} of {name}?"})
            for name in SCOPES
        ]
        assert set(_documents(answers)) <= seen
        for name in SCOPES:
            document = shown(name)
            got = await client.call_tool("get", {"document": document})
            assert got.is_error is (name not in seen)
            if name in seen:
                read = await client.read_resource(f"commonplace://documents/{document}")
                assert TEXT.format(place=name) in str(read.contents)
            else:
                with pytest.raises(MCPError, match="no such document"):
                    await client.read_resource(f"commonplace://documents/{document}")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {"question": ""}, question_checks._NO_QUESTION.english),
        ("ask", {"question": "x" * 100_000}, "characters"),
        ("search", {"query": " "}, ""),
        ("search", {"query": "quokka", "limit": 0}, "limit"),
        ("get", {"document": "../../etc/passwd"}, "no such document"),
    ],
)
async def test_an_invalid_call_is_explained(
    worker: Worker[Core], tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with Client(mcp_server(Reader(worker))) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert said in str(result.content)


async def test_every_tool_is_read_only(worker: Worker[Core]) -> None:
    async with Client(mcp_server(Reader(worker))) as client:
        tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == {"ask", "search", "get"}
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.output_schema


# As processes.


@pytest.mark.slow
async def test_standard_output_has_only_the_protocol(models_folder: Path) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "bot", "dev", "mcp"],
        env=environment(models_folder),
        cwd=str(ROOT),
    )
    async with Client(stdio_client(parameters)) as client:
        result = await client.call_tool("ask", {"question": "What is open source AI?"})
    assert result.structured_content is not None
    assert result.structured_content["evidence"] == "strong"


@pytest.mark.slow
async def test_http_requests_need_the_token(models_folder: Path) -> None:
    with served(models_folder, "mcp", "--http", "0") as address:
        async with (
            httpx2.AsyncClient(headers=GIVEN) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            assert len((await client.list_tools()).tools) == 3
            assert (await http.get(address)).status_code == 405
        # Refused connections are closed, so each request has its own client.
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {**GIVEN, "Host": "evil.example"},
            {**GIVEN, "Origin": "https://evil.example"},
        ):
            async with httpx2.AsyncClient() as http:
                answer = await http.post(address, json={}, headers=headers)
            assert answer.status_code in (401, 421, 403)
        async with httpx2.AsyncClient() as http:
            said = pytest.RaisesExc(MCPError, match="Send the token")
            with pytest.RaisesGroup(said, flatten_subgroups=True):
                async with Client(streamable_http_client(address, http_client=http)) as client:
                    await client.list_tools()


async def _searched(client: Client, times: int) -> Any:
    for _ in range(times):
        found = await client.call_tool("search", {"query": "quokka enclosure"})
    return found.structured_content


async def test_excessive_clients_get_an_error(worker: Worker[Core]) -> None:
    now = 0.0
    with open_socket(0, "--http") as sock:
        made = http_application(
            Reader(worker),
            sock=sock,
            tokens=Tokens((TOKEN.encode(),)),
            per_second=5,
            clock=lambda: now,
        )
        serving = asyncio.create_task(serve(made, sock))
        address = f"{address_of_socket(sock)}{PATH}"
        async with (
            httpx2.AsyncClient(headers=GIVEN) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            said = r"More than 5 requests a second .* go on in 1 s"
            with pytest.raises(MCPError, match=said):
                await _searched(client, 20)
            now = 1.0
            assert _documents(await _searched(client, 1)) == ["shared"]
            with pytest.raises(MCPError, match="at most 32,768 bytes"):
                await client.call_tool("ask", {"question": "x" * 100_000})
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

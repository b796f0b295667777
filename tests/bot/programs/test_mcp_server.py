"""The MCP server with the official SDK's client: in memory, over stdio and over HTTP."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from bot.answers import pipeline
from bot.cli.console import UNUSABLE
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
from bot.storage.data_folder import data_folder
from tests.bot.programs.quokkas import ELSEWHERE, HERE, QUESTION, SCOPES, TEXT, shown
from tests.fork_server import ForkServer

ROOT = Path(__file__).parents[3]
TOKEN = "correct horse battery staple"  # noqa: S105 - of these tests alone


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
    assert answer["quotes"][0]["document"] == shown("shared")
    assert TEXT.format(place="shared") in answer["quotes"][0]["text"]
    assert nothing is not None
    assert (nothing["evidence"], nothing["quotes"]) == ("none", [])
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
        ("ask", {"question": ""}, pipeline._NO_QUESTION.english),
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


def _started(folder: Path, *arguments: str, token: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bot", "dev", "mcp", *arguments],
        cwd=ROOT,
        env=_environment(folder, token),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _environment(folder: Path, token: str = "") -> dict[str, str]:
    return {
        **os.environ,
        "COMMONPLACE_DATA": str(data_folder(folder)),
        "COMMONPLACE_MCP_TOKEN": token,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
    }


@pytest.mark.slow
async def test_standard_output_has_only_the_protocol(models_folder: Path) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "bot", "dev", "mcp"],
        env=_environment(models_folder),
        cwd=str(ROOT),
    )
    async with Client(stdio_client(parameters)) as client:
        result = await client.call_tool("ask", {"question": "What is open source AI?"})
    assert result.structured_content is not None
    assert result.structured_content["evidence"] == "strong"


@pytest.mark.slow
async def test_http_requests_need_the_token(models_folder: Path) -> None:
    process = _started(models_folder, "--http", "0", token=TOKEN)
    try:
        address = _address(process)
        given = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            httpx2.AsyncClient(headers=given) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            assert len((await client.list_tools()).tools) == 3
        for headers in _refused(given):
            async with httpx2.AsyncClient() as http:
                answer = await http.post(address, json={}, headers=headers)
            assert answer.status_code in (401, 421, 403)
        async with httpx2.AsyncClient(headers=given) as http:
            assert (await http.get(address)).status_code == 405
        async with httpx2.AsyncClient() as http:
            said = pytest.RaisesExc(MCPError, match="Send the token")
            with pytest.RaisesGroup(said, flatten_subgroups=True):
                await _connect(address, http)
    finally:
        process.kill()
        process.communicate()


async def _searched(client: Client, times: int) -> Any:
    for _ in range(times):
        found = await client.call_tool("search", {"query": "quokka enclosure"})
    return found.structured_content


async def _connect(address: str, http: httpx2.AsyncClient) -> None:
    async with Client(streamable_http_client(address, http_client=http)) as client:
        await client.list_tools()


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
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
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


def _refused(given: dict[str, str]) -> Sequence[dict[str, str]]:
    """Headers to refuse: no token, a wrong token, a foreign host, a foreign origin."""
    return (
        {},
        {"Authorization": "Bearer wrong"},
        {**given, "Host": "evil.example"},
        {**given, "Origin": "https://evil.example"},
    )


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+/mcp", line):
            return found[0]
    raise AssertionError("It was not served.")


@pytest.mark.parametrize(
    ("arguments", "token", "said"),
    [
        (("--http", "0"), "", "openssl rand"),
        (("--guild", "general"), "", "is no server's id"),
    ],
)
def test_a_command_that_can_not_serve_says_why(
    tmp_path: Path, commands: ForkServer, arguments: Sequence[str], token: str, said: str
) -> None:
    done = commands.run("dev", "mcp", *arguments, environment=_environment(tmp_path, token))
    assert done.returncode == UNUSABLE
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr

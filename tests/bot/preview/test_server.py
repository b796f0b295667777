"""The preview: its server, its simulated town, and its command."""

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image
from simcord import Env

from bot.cli.preview import preview, preview_address, preview_start
from bot.config.settings import Settings
from bot.preview.server import ACTION_SECONDS, PreviewError, check_free, serve
from bot.preview.town import GENERAL, QUESTIONS, REVIEW, SIZE, build_town
from bot.setup import panel_messages
from bot.storage.data_folder import COMMUNITY
from knowledge.store.store import Store
from knowledge.values.documents import SHARED
from tests.bot.message_parts import text_of
from tests.bot.preview.processes import ADDRESS, ROOT, START_SECONDS, started
from tests.fakes import WordEmbedder

KEY = "X-Simcord-Capability"


async def test_bot_may_use_the_review_channel(simcord_env: Env) -> None:
    town = build_town(simcord_env)
    await simcord_env.settle()

    result = await town.admin.slash(
        town.channels[GENERAL],
        "setup",
        review_channel=town.channels[REVIEW],
        moderator_role=town.moderator_role,
    )

    await town.admin.select(result.response, ["review"], custom_id="setup_page")
    assert panel_messages._NOTHING_LACKING.english in text_of(result.response)


async def test_post_is_a_thread_with_its_text(simcord_env: Env) -> None:
    town = build_town(simcord_env)

    post = town.post(town.channels[QUESTIONS], town.member, "Tents", "Which one?")
    await simcord_env.settle()

    assert [one.name for one in town.threads()] == ["Tents"]
    assert [message.content for message in post.history()] == ["Which one?"]
    assert post.history()[0].id == post.id


async def test_each_person_has_another_face(simcord_env: Env) -> None:
    town = build_town(simcord_env)

    pictures = {content for _, content in town.avatars().values()}

    assert len(pictures) == len(town.people) + 1
    for content in pictures:
        assert Image.open(BytesIO(content)).size == (SIZE, SIZE)


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Any]:
    """What a channel's page shows that was opened; at the end it ends the session."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, 0, told.set_result, WordEmbedder()))
    address, _, key = (await told).partition("/#")
    async with aiohttp.ClientSession(address) as session:
        async with session.get("/shell/state") as refused:
            assert refused.status == 401
        async with session.get("/shell/state", headers={KEY: key}) as told_of:
            state = await told_of.json()
        own = {KEY: state["places"][0]["page"].partition("#")[2]}
        async with session.post("/api/pages", json={}, headers=own) as opened:
            shown = await opened.json()
        yield shown
        context = shown["context"]
        end = {
            "kind": "close",
            "protocol_version": 3,
            "sequence": 1,
            "request_id": "end",
            "generation": context["generation"],
            "bot_generation": shown["botGeneration"],
        }
        sent_by = {**own, "X-Simcord-Context": context["id"]}
        async with session.post("/api/action", json=end, headers=sent_by) as answered:
            assert not (await answered.json())["rejected"]

    async with asyncio.timeout(ACTION_SECONDS):
        await serving


async def test_channel_page_ends_the_session(settings: Settings) -> None:
    for _ in range(2):
        async with served(settings) as shown:
            assert shown["commands"]["count"] > 10


async def test_ids_are_the_same_at_each_start(settings: Settings) -> None:
    """Everything that was set up for them is found by their ids."""
    ids = []
    for _ in range(2):
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(settings, 0, told.set_result, WordEmbedder()))
        address, _, key = (await told).partition("/#")
        async with (
            aiohttp.ClientSession(address) as session,
            session.get("/shell/state", headers={KEY: key}) as told_of,
        ):
            state = await told_of.json()
        serving.cancel()
        await asyncio.wait([serving])
        kept = [place["id"] for place in state["places"] if place["kind"] != "direct"]
        ids.append(kept + [person["id"] for person in state["people"]])
    assert ids[0] == ids[1]
    assert len(ids[0]) == len(set(ids[0])) == 8


async def test_closed_tab_logs_no_error(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(settings, 0, told.set_result, WordEmbedder()))
    address, _, key = (await told).partition("/#")
    host = address.removeprefix("http://")
    head = (
        f"POST /shell/post HTTP/1.1\r\nHost: {host}\r\n{KEY}: {key}\r\nContent-Length: 99\r\n\r\n"
    )
    _, tab = await asyncio.open_connection("127.0.0.1", int(host.partition(":")[2]))
    tab.write(head.encode() + b"{")
    await tab.drain()
    tab.close()
    await tab.wait_closed()
    async with aiohttp.ClientSession(address) as session:
        # Another request waits until the first one has ended.
        async with session.post("/shell/start", json={"thing": "post"}, headers={KEY: key}) as done:
            assert done.status == 200
        async with session.get("/shell/icon.svg") as icon:
            assert icon.content_type == "image/svg+xml"
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert [record for record in caplog.records if record.name == "aiohttp.server"] == []


@pytest.mark.slow
def test_a_preview_keeps_its_folder_until_reset(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "quokka.md").write_text("# Quokkas\n\nThe quokka eats leaves.\n")
    kept = tmp_path / "preview-data"
    with started(tmp_path, "--index", "docs") as printed:
        first, *_, last = printed.splitlines()
    log = kept / "preview.log"
    assert first == preview_start(Path("preview-data"), Path("preview-data/preview.log"))
    assert last == preview_address(ADDRESS.findall(last)[0])
    assert not re.search(r"\b(info|warning|error)\b", printed)
    assert "bot." in log.read_text()
    with Store(kept / COMMUNITY) as store:
        assert store.sources() == [(str(tmp_path / "docs"), SHARED)]
    with started(tmp_path, "--fresh") as printed:
        assert len(printed.splitlines()) == 2
    with Store(kept / COMMUNITY) as store:
        assert store.sources() == []


def test_only_the_previews_folder_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    precious = tmp_path / "data" / "community.db"
    precious.write_text("precious")
    with pytest.raises(SystemExit) as ended:
        preview(data=tmp_path / "data", fresh=True)
    assert ended.value.code == 2
    assert precious.read_text() == "precious"


def test_preview_listens_on_own_addresses_only() -> None:
    check_free(0, "0.0.0.0")  # noqa: S104 - as in a container
    with pytest.raises(PreviewError, match=r"the port 8930 of 203\.0\.113\.9"):
        check_free(8930, "203.0.113.9")


def preview_on(port: str, data: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bot", "preview", "--port", port, "--data", str(data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )


def test_taken_port_of_the_preview_is_explained(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = preview_on(port, tmp_path)

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    sentence = ended.stderr.splitlines()[-1]
    assert sentence.startswith("commonplace: The preview can't use the port")
    assert port in sentence

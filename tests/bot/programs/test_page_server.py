"""Server of a published page: found, gone and unknown addresses, and headers."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from bot.cli.console import UNUSABLE
from bot.programs.page_server import page_application
from knowledge.page.site import HEADERS
from tests.fork_server import ForkServer
from tests.knowledge.page.made_sites import note, published, site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "www"


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(page_application(folder))
    async with httpx2.AsyncClient(transport=transport, base_url="http://page.example") as opened:
        yield opened


async def test_published_pages_are_served(folder: Path, client: httpx2.AsyncClient) -> None:
    published(site(note(1, "Ferries")), folder)
    answer = await client.get("/notes/1/")
    assert answer.status_code == 200
    assert "Ferries" in answer.text
    assert answer.headers.items() >= {(name.lower(), value) for name, value in HEADERS.items()}
    assert (await client.post("/")).status_code == 405
    assert (await client.head("/")).status_code == 200
    for path in ("/../made.json", "/..%2fmade.json", "/%2e%2e/made.json", "/notes/../../made.json"):
        assert (await client.get(path)).status_code == 404

    assert (await client.get("/notes/2/")).status_code == 404
    published(site(note(1, "Ferries"), note(2)), folder)
    assert (await client.get("/notes/2/")).status_code == 200


async def test_gone_and_unknown_pages_differ(folder: Path, client: httpx2.AsyncClient) -> None:
    published(site(note(1), gone=("notes/2/", "notes/12/")), folder)
    for path in ("/notes/2/", "/notes/2"):
        answer = await client.get(path)
        assert answer.status_code == 410
        assert "<h1>" in answer.text
    for path in ("/notes/3/", "/2/", "/", "/other/notes/2/"):
        assert (await client.get(path)).status_code != 410


def test_a_folder_without_a_page_is_refused(commands: ForkServer, folder: Path) -> None:
    done = commands.run("dev", "serve", "--page", folder, "--port", "0")
    assert done.returncode == UNUSABLE
    assert "commonplace publish" in done.stderr


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_with_a_body_ends_its_connection(
    folder: Path, client: httpx2.AsyncClient, method: str
) -> None:
    published(site(note(1)), folder)
    for body in (b"x", _chunks()):
        answer = await client.request(method, "/", content=body)
        assert answer.headers["connection"] == "close"
    assert "connection" not in (await client.request(method, "/")).headers


async def _chunks() -> AsyncIterator[bytes]:
    yield b"x"

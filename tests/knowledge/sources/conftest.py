"""The entries of a source's test, and a web server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.storage.derived_data import open_entries
from knowledge.sources.entries import EntryStore
from tests.knowledge.web_server import WebServer


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[EntryStore]:
    with open_entries(tmp_path, "") as opened:
        yield opened


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as started:
        yield started

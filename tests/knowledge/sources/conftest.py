"""The page store of a connector's test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.storage.derived_data import open_pages
from knowledge.sources.entries import PageStore


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[PageStore]:
    with open_pages(tmp_path, "") as opened:
        yield opened

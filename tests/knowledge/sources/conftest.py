"""The page store of a connector's test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.storage.derived_data import open_entries
from knowledge.sources.entries import EntryStore


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[EntryStore]:
    with open_entries(tmp_path, "") as opened:
        yield opened

"""The path of a chat export."""

from pathlib import Path

import pytest

from tests.knowledge.exporting import CHANNEL_ID


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"Harbour - help - Password [{CHANNEL_ID}].json"

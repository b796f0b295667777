"""A withdrawal while the connection to PostgreSQL is lost, late or silent around the commit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.notes import service
from knowledge.values.notes import Member, State
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.postgres import Cluster
from tests.postgres_cuts import Cut, CuttingSocket, cutting_socket

GUILD, MIRA = 10, Member(1, "Mira")


@pytest.fixture
def cutting(postgres: Cluster) -> Iterator[CuttingSocket]:
    with cutting_socket(postgres.folder, by_port=True) as made:
        yield made


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER, Cut.UNHEARD, Cut.LATE])
def test_it_is_made_once_and_told_of(
    postgres_url: str, cutting: CuttingSocket, tmp_path: Path, cut: Cut
) -> None:
    data = DataSettings(folder=tmp_path, database=cutting.url_of(postgres_url))
    with Core(Settings(data=data), WordEmbedder(64)) as core:
        note = core.store.contributions.propose(GUILD, MIRA, 5, Submission("A", "Text.")).note
        cutting.cut(cut)
        outcome = service.withdraw(core, GUILD, note.revision.id, MIRA.id, 77)
        assert cutting.done == 1
        assert outcome is not None
        assert outcome.done
        assert outcome.note.revision.state is State.WITHDRAWN
        events = [line.event for line in core.store.audit_log.entries()]
        assert events == ["proposed", "withdrawn"]

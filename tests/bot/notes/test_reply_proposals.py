"""Proposals from a helper's form: only answers to public questions of quotable members."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.answers.ask import Ask
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.notes import reply_proposals
from knowledge.values.questions import Handover
from tests.fakes import WordEmbedder

GUILD, ASKER, HELPER = 10, 1, 2


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "private", "withheld", "posted", "is_proposed"),
    [
        ("Hana", False, False, True, True),
        ("", False, False, True, True),
        ("Hana", True, False, True, False),
        ("Hana", False, True, True, False),
        ("Hana", False, False, False, False),
    ],
)
def test_public_quotable_answers_are_proposed_once(
    core: Core, name: str, private: bool, withheld: bool, posted: bool, is_proposed: bool
) -> None:
    store, now = core.store, datetime.now(UTC)
    core.answer_pipeline.ask([Ask("When does the ferry leave?", ASKER, GUILD, 5, private=private)])
    assert store.handovers.enqueue(GUILD, [1], ASKER, now) == 1
    if posted:
        store.handovers.record_message(1, 7, 8)
    store.handovers.answer(GUILD, 1, (HELPER, name, "At nine."), [], now)
    if withheld:
        store.quote_opt_outs.withhold(ASKER)

    note = reply_proposals.propose_handed_over(core, GUILD, 1, "a helper")

    assert (note is not None) == is_proposed
    if note is not None:
        credited = (HELPER, name) if name else (0, "a helper")
        assert (note.contributor_id, note.contributor) == credited
        assert note.revision.submission.text == "At nine."
        assert store.gaps.question_of_note(note.id) == 1
        assert isinstance(store.handovers.find(GUILD, 1), Handover)
        assert reply_proposals.propose_handed_over(core, GUILD, 1, "a helper") is None

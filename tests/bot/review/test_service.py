"""Decisions once per interaction, and pages of the log that lose no line."""

from collections.abc import Iterator

import pytest

from bot.config.settings import Settings
from bot.core.core import Core
from bot.review import messages, service
from bot.review.service import LogDirection, LogFilters
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member, Outcome
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder

GUILD, MEMBER, MODERATOR = 10, Member(1, "Mia"), Member(2, "Max")
APPROVED = Ruling(Decision.APPROVE)
CLICK, ORIGIN = 5, 9


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    with Core(settings, WordEmbedder()) as opened:
        yield opened


def propose(core: Core, click: int = 1, title: str = "Title") -> Outcome:
    submission = Submission(title, "Text.")
    return service.once_per_interaction(
        core,
        GUILD,
        click,
        lambda: core.store.contributions.propose(GUILD, MEMBER, 5, submission),
        ORIGIN,
    )


def test_a_repeated_click_decides_once(core: Core) -> None:
    propose(core)

    for _ in range(2):
        outcome = service.decide(core, GUILD, 1, MODERATOR, APPROVED, CLICK)
        assert outcome is not None
        assert outcome.done
        assert outcome.note.live
    events = [entry.event for entry in core.store.audit_log.entries(GUILD)]
    assert events.count("approved") == 1


def test_a_draft_submitted_twice_is_one_note(core: Core) -> None:
    # As after a restart between the transaction and its response, with nothing in memory.
    first, second = propose(core, 1), propose(core, 2)
    assert first.done
    assert second.done
    assert first.note.id == second.note.id
    assert len(core.store.notes.pending(GUILD)) == 1


def test_pages_of_long_log_lines_lose_none(core: Core) -> None:
    for number in range(1, 13):
        core.store.contributions.propose(GUILD, MEMBER, 5, Submission(f"{number}" + "*" * 90, "x"))
        core.store.decisions.decide(GUILD, number, MODERATOR, Ruling(Decision.REJECT, "_" * 300))

    def pages(side: LogDirection, entry_id: int) -> Iterator[list[int]]:
        page = service.log_page(
            core,
            GUILD,
            LogFilters(0, 0, "rejected"),
            (side, entry_id),
            messages.count_fitting_lines,
        )
        yield [line.entry.id for line in page.lines]
        if page.older if side is LogDirection.OLDER else page.newer:
            yield from pages(side, page.lines[-1 if side is LogDirection.OLDER else 0].entry.id)

    older = list(pages(LogDirection.OLDER, 0))
    assert len(older) > 1
    ids = [one for page in older for one in page]
    assert len(ids) == 12
    assert ids == sorted(ids, reverse=True)
    newer = list(pages(LogDirection.NEWER, older[-1][0]))
    assert [one for page in reversed(newer) for one in page] == ids[: -len(older[-1])] + [
        one for one in older[-1] if one > older[-1][0]
    ]

"""Overviews count questions and quotations, and show no words hidden from their readers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.statistics import overview as messages
from bot.statistics.overview import DAYS, Audience, Overview, overview
from bot.text.markdown import MESSAGE_CHARACTERS, size
from indexer.ingest.pipeline import index_document
from knowledge.sources.kinds.registry import Channel
from knowledge.values.documents import SHARED, Document, Kind, Scope, channel_scope
from knowledge.values.guilds import Language, SyncedChannel, SyncedContent
from knowledge.values.questions import Evidence, Feedback, RecordedHit, Verdict
from tests.bot.spoken import said_in
from tests.bot.statistics.overviews import CHANNEL, GUILD, NOW, asked, found_unhelpful, full, small
from tests.fakes import WordEmbedder

READ, UNREAD = 6, 8


SEEN = Audience(GUILD, {CHANNEL, READ})


NOTE = RecordedHit("note:1", "Kites", "", "Kites fly.", 1.0, ())


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with Core(Settings(data=DataSettings(folder=tmp_path)), WordEmbedder()) as opened:
        yield opened


def seen(core: Core, readers: Audience = SEEN) -> Overview:
    return overview(core, readers, NOW, 3)


def words(found: Overview) -> list[str]:
    return [*(one.text for one in found.asked), *(one.text for one in found.doubtful)]


def test_private_and_public_questions_are_counted(core: Core) -> None:
    asked(core, "kites?")
    asked(core, "kites?", private=True, evidence=Evidence.NONE)
    asked(core, "kites?", asked_at=NOW - timedelta(days=DAYS - 1), evidence=Evidence.PARTIAL)
    asked(core, "kites?", asked_at=NOW - timedelta(days=DAYS))

    days = seen(core).days

    assert len(days) == DAYS
    assert (days[-1].date, [*days[-1].questions.values()]) == (NOW.date(), [1, 0, 1])
    assert [*days[0].questions.values()] == [0, 1, 0]
    assert sum(seen(core).questions.values()) == 3


def test_same_questions_are_grouped_and_sorted_by_number(core: Core) -> None:
    asked(core, "where are lanterns lit")
    for member in (1, 2, 2):
        asked(core, "when do kites fly", asker_id=member)
    asked(core, "When do kites fly?", evidence=Evidence.NONE)
    asked(core, "when do kites fly", asked_at=NOW - timedelta(days=8))

    first, second = seen(core).asked

    assert first.text.casefold().startswith("when do kites fly")
    assert (first.askers, [*first.questions.values()]) == (3, [3, 0, 1])
    assert second.text == "where are lanterns lit"


def test_questions_that_a_moderator_merged_are_one(core: Core) -> None:
    ids = [asked(core, "when do kites fly"), asked(core, "where are lanterns lit")]
    core.store.gaps.merge(GUILD, ids, 1)

    [group] = seen(core).asked

    assert sum(group.questions.values()) == 2


def test_no_words_are_shown_that_the_readers_may_not_read(core: Core) -> None:
    hidden: dict[str, dict[str, object]] = {
        "private": {"private": True},
        "unread": {"channel_id": UNREAD},
        "elsewhere": {"guild_id": GUILD + 1},
        "direct": {"guild_id": None},
        "erased": {"asker_id": 0},
        "late": {"told_for": asked(core, "seen")},
        "withheld": {"asker_id": 99},
    }
    core.store.quote_opt_outs.withhold(99)
    for text, changes in hidden.items():
        # A late answer's own words are told once it is judged: as its question's.
        question_id = asked(core, text, **changes)
        if text != "late":
            found_unhelpful(core, question_id, 1, 2)
    pruned = asked(core, "pruned", asked_at=NOW - timedelta(days=2))
    found_unhelpful(core, pruned, 1, 2)
    core.store.question_records.prune(NOW - timedelta(days=1), 10)

    assert words(seen(core)) == ["seen"]
    # Their numbers are told.
    assert sum(seen(core).questions.values()) == 6


def test_a_forgotten_members_words_are_shown_to_nobody(core: Core) -> None:
    for member in (7, 12):
        asked(core, "when do kites fly", asker_id=member)
    core.store.personal_data.forget(7, withdraw=True)
    assert [one.askers for one in seen(core).asked] == [1]
    core.store.personal_data.forget(12, withdraw=True)

    for readers in (SEEN, Audience()):
        assert words(seen(core, readers)) == []


def test_the_operator_sees_public_questions_of_all_servers(core: Core) -> None:
    asked(core, "when do kites fly")
    asked(core, "when do kites fly", guild_id=GUILD + 1)
    asked(core, "private", private=True)
    asked(core, "direct", guild_id=None, channel_id=3)

    # The same question in another server is another group.
    assert words(seen(core, Audience())) == ["when do kites fly"] * 2
    assert sum(seen(core, Audience()).questions.values()) == 4


def test_unhelpful_and_corrected_answers_are_doubtful(core: Core) -> None:
    first = asked(core, "when do kites fly", hits=[NOTE])
    found_unhelpful(core, first, 1)
    assert seen(core).doubtful == ()
    picked = asked(core, "when do kites fly", hits=[NOTE])
    pick = Feedback(picked, 2, Verdict.HELPFUL, document_id="note:2")
    core.store.feedback_records.record_pick(pick, "", by_moderator=None)
    found_unhelpful(core, asked(core, "where are lanterns lit"), 1)

    [answer] = seen(core).doubtful

    assert (answer.text, answer.unhelpful, answer.corrected) == ("when do kites fly", 1, 1)
    assert answer.title == "Kites"


def document(core: Core, document_id: str, scope: Scope, kind: Kind) -> RecordedHit:
    index_document(
        core.index, core.embedder, Document(document_id, scope, kind, "Kites", "Kites fly.")
    )
    return replace(NOTE, document_id=document_id)


def follow(core: Core, channel_id: int) -> None:
    channel = SyncedChannel(channel_id, GUILD, SyncedContent.POSTS, NOW)
    core.store.synced_channels.add(channel, 1)
    core.archive.set_channels(core.store.synced_channels.all())
    core.archive.rename(channel_id, "kites")


def test_sources_are_sorted_by_their_number_of_quotations(core: Core) -> None:
    note = document(core, "note:1", Scope(GUILD), Kind.NOTE)
    document(core, "note:2", Scope(GUILD), Kind.NOTE)
    core.store.add_source("https://kites.org/", SHARED, "")
    for _ in range(2):
        question_id = asked(core, "kites?", hits=[note])
    core.store.feedback_records.record(Feedback(question_id, 1, Verdict.HELPFUL))
    asked(core, "kites?", hits=[note], evidence=Evidence.NONE)

    notes, site = seen(core).sources

    assert (notes.location, notes.documents, notes.used) == ("note", 2, 1)
    assert (notes.quoted, notes.helpful) == (2, 1)
    assert (site.location, site.quoted) == ("https://kites.org/", 0)


def test_unreadable_channels_are_not_among_the_sources(core: Core) -> None:
    for channel_id in (READ, UNREAD):
        follow(core, channel_id)
        location = Channel.at(channel_id)
        hit = document(core, f"{location}:1:1", channel_scope(channel_id), Kind.CHANNEL)
        hidden = replace(hit, title="", passage="", source_channel_id=channel_id, position=0)
        asked(core, "kites?", hits=[hidden])

    [source] = seen(core).sources

    assert (source.location, source.name, source.quoted) == (Channel.at(READ), "kites", 1)
    assert len(seen(core, Audience()).sources) == 2


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("room", [0, 40, MESSAGE_CHARACTERS])
def test_a_full_overview_fits_and_mentions_nobody(language: Language, room: int) -> None:
    said = messages.text(said_in(language, messages.panels, full()), room)

    assert size(said) <= room
    assert "<@&" not in said


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("text", ["How? " * 40, "🦘" * 200, "w"])
def test_a_description_names_each_panel(language: Language, text: str) -> None:
    panels = said_in(language, messages.panels, full(text))

    said = messages.description(panels)

    assert size(said) <= messages.DESCRIPTION_CHARACTERS
    assert len(panels) == 4
    assert [panel.heading for panel in panels if panel.heading not in said] == []


def test_never_quoted_sources_get_half_of_the_rows() -> None:
    [*_, sources] = messages.panels(full())

    never = [row for row in sources.rows if row.value.startswith("never quoted: ")]
    assert len(never) == messages.MOST_SOURCES // 2
    assert sources.line == "93 more sources, 47 never quoted"


def test_panels_without_rows_are_left_out() -> None:
    assert len(messages.panels(small("Where?"))) == 2

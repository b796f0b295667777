"""Outages of the database: questions are answered from memory, and recorded afterwards."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.answers import outage
from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.privacy import service as privacy_service
from bot.review import service as review_service
from indexer.index.database import IndexReadError
from knowledge.store.database import DatabaseAwayError, StoreError, is_away
from knowledge.store.notes.decisions import Ruling
from knowledge.store.questions.question_records import digest_of
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import Feedback, Verdict
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.bot.outages import Departing, departing
from tests.fakes import WordEmbedder
from tests.postgres import Cluster
from tests.postgres_cuts import Cut

GUILD, OTHER = 10, 11
MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")
QUOKKAS = Submission("Meetup", "The quokka meetup takes place in Lisbon on Fridays.")
WOMBATS = Submission("Feeding", "Wombats are fed carrots by the warden every morning.")
QUESTION = "where does the quokka meetup take place"
FEEDING = "what are wombats fed by the warden"


@dataclass
class Away:
    """A core, a switch for its database, and the clock."""

    core: Core
    server: Departing
    now: list[float]

    def ask(self, text: str, guild_id: int = GUILD, asker_id: int = 1) -> Reply:
        [reply] = self.core.answer_pipeline.ask([Ask(text, asker_id, guild_id, 5)])
        return reply

    def refresh_outage_caches(self) -> None:
        for _ in self.core.refresh_outage_caches():
            pass


@pytest.fixture
def away(postgres: Cluster, postgres_url: str, tmp_path: Path) -> Iterator[Away]:
    now = [0.0]
    with departing(postgres, postgres_url) as server:
        settings = Settings(data=DataSettings(folder=tmp_path / "data", database=server.url))
        with Core(settings, WordEmbedder(512), clock=lambda: now[0]) as core:
            for number, note in enumerate((QUOKKAS, WOMBATS)):
                _approve(core, note, number)
            for _ in core.warm_up():
                pass
            made = Away(core, server, now)
            made.refresh_outage_caches()
            yield made


def _approve(core: Core, note: Submission, number: int) -> None:
    revision = core.store.contributions.propose(GUILD, MIRA, number, note).note.revision
    ruling = Ruling(Decision.APPROVE)
    assert review_service.decide(core, GUILD, revision.id, ADA, ruling, asked_in=70 + number)


def _quoted(reply: Reply) -> list[str]:
    assert isinstance(reply.outcome, Answer)
    return [quote.text for quote in reply.outcome.quotes]


def test_an_outages_question_is_recorded_once_under_its_id(away: Away) -> None:
    before = away.ask(QUESTION)
    with away.server.away():
        told = [away.ask(QUESTION), away.ask(FEEDING), away.ask(QUESTION)]
        assert _quoted(told[0]) == _quoted(before)
        assert _quoted(told[1]) == [WOMBATS.text]
        assert [reply.bridged for reply in (before, *told)] == [False, True, True, True]
        assert away.core.recording.problem() == "3 questions wait for the database to be recorded."
    assert away.server.asked() == [QUESTION]
    away.core.record_waiting()
    assert away.server.asked() == [QUESTION, QUESTION, FEEDING, QUESTION]
    kept = [away.core.store.question_records.question(one.question_id or 0) for one in told]
    assert [one.text for one in kept if one] == [QUESTION, FEEDING, QUESTION]
    assert all(len(one.hits) == 2 for one in kept if one)
    away.core.record_waiting()
    assert len(away.server.asked()) == 4
    assert not away.ask(QUESTION).bridged


def test_waiting_questions_are_recorded_first(away: Away) -> None:
    with away.server.away():
        away.ask(FEEDING)
    away.ask(QUESTION)
    assert away.server.asked() == [FEEDING, QUESTION]


def test_everything_else_is_refused_meanwhile(away: Away) -> None:
    with away.server.away():
        reply = away.ask(QUESTION)
        with pytest.raises(DatabaseAwayError):
            away.core.store.contributions.propose(GUILD, MIRA, 9, QUOKKAS)
        with pytest.raises(DatabaseAwayError):
            away.core.store.question_records.question(reply.question_id or 0)
    feedback = Feedback(reply.question_id or 0, 1, Verdict.HELPFUL)
    assert not away.core.store.feedback_records.record(feedback)
    away.core.record_waiting()
    assert away.core.store.feedback_records.record(feedback)


def test_after_a_minute_nothing_is_answered_any_more(away: Away) -> None:
    with away.server.away():
        away.now[0] += outage.SECONDS - 1
        away.ask(QUESTION)
        away.now[0] += 1
        with pytest.raises((IndexReadError, DatabaseAwayError)) as raised:
            away.ask(QUESTION)
        assert is_away(raised.value)
    away.ask(QUESTION)
    with away.server.away():
        away.ask(QUESTION)


def _retire(away: Away) -> None:
    retired = away.core.store.decisions.retire(GUILD, 1, ADA)
    assert retired is not None
    review_service.update_index(away.core, retired)


def _retire_behind_the_index(away: Away) -> None:
    assert away.core.store.decisions.retire(GUILD, 1, ADA) is not None
    away.core.unindexed_notes.add(1)


@pytest.mark.parametrize("retire", [_retire, _retire_behind_the_index])
def test_withdrawn_notes_are_not_quoted(away: Away, retire: Callable[[Away], None]) -> None:
    away.ask(QUESTION)
    retire(away)
    with away.server.away():
        with pytest.raises(DatabaseAwayError):
            away.ask(QUESTION)
        if retire is _retire_behind_the_index:
            return
    # Compared once, it is gone from memory, and the other one is still there.
    away.refresh_outage_caches()
    with away.server.away():
        assert _quoted(away.ask(FEEDING)) == [WOMBATS.text]
        assert not isinstance(away.ask(QUESTION).outcome, Answer)


def test_a_guild_gets_no_other_guilds_answers(away: Away) -> None:
    away.ask(QUESTION)
    with away.server.away():
        assert not isinstance(away.ask(QUESTION, OTHER).outcome, Answer)


def test_changed_settings_are_read_from_the_database(away: Away) -> None:
    away.core.store.guilds.save_settings(GuildSettings(GUILD, articles=False), ADA.id)
    with away.server.away():
        with pytest.raises(DatabaseAwayError):
            away.ask(QUESTION)
        away.ask(FEEDING, OTHER)
    away.refresh_outage_caches()
    with away.server.away():
        assert _quoted(away.ask(QUESTION)) == [QUOKKAS.text]


def test_confirmed_answers_still_come_first(away: Away) -> None:
    asked = away.ask(QUESTION)
    feedback = away.core.store.feedback_records
    question = away.core.store.question_records.question(asked.question_id or 0)
    assert question is not None
    pick = Feedback(question.id, 1, Verdict.HELPFUL, document_id=question.hits[1].document_id)
    feedback.record_pick(pick, digest_of(question.hits[1]), by_moderator=False)
    with away.server.away(), pytest.raises(DatabaseAwayError):
        away.ask(QUESTION)
    away.refresh_outage_caches()
    with away.server.away():
        assert _quoted(away.ask(QUESTION)) == [WOMBATS.text]
    feedback.take_back(question.id, by_moderator=True)
    with away.server.away(), pytest.raises(DatabaseAwayError):
        away.ask(QUESTION)
    away.refresh_outage_caches()
    with away.server.away():
        assert _quoted(away.ask(QUESTION)) == [QUOKKAS.text]


def test_what_is_not_in_memory_is_not_answered(away: Away) -> None:
    away.core.index._rows.forget_passages()
    with away.server.away(), pytest.raises((IndexReadError, DatabaseAwayError)) as raised:
        away.ask(QUESTION)
    assert is_away(raised.value)
    away.refresh_outage_caches()
    with away.server.away():
        assert _quoted(away.ask(QUESTION)) == [QUOKKAS.text]


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
@pytest.mark.parametrize("gone", [True, False])
def test_an_uncertain_question_is_recorded_once(away: Away, cut: Cut, gone: bool) -> None:
    with away.server.away() if gone else nullcontext():
        if gone:
            away.ask(FEEDING)
    away.server.cutting.cut(cut)
    replies = away.core.answer_pipeline.ask([Ask(QUESTION, asker, GUILD) for asker in (1, 2)])
    away.core.record_waiting()
    away.core.record_waiting()
    assert away.server.cutting.done == 1
    assert away.server.asked() == [*[FEEDING][:gone], QUESTION, QUESTION]
    kept = [away.core.store.question_records.question(one.question_id or 0) for one in replies]
    assert [(one.asker_id, len(one.hits)) for one in kept if one] == [(1, 2), (2, 2)]


def test_a_forgotten_members_questions_are_dropped(away: Away) -> None:
    with away.server.away():
        away.ask(QUESTION, asker_id=3)
        away.ask(FEEDING, asker_id=4)
    # Another process may do so first.
    privacy_service.forget(away.core, 3, withdraw=False)
    away.core.record_waiting()
    assert away.server.asked() == [FEEDING]


def test_a_question_follows_up_one_of_the_last(away: Away) -> None:
    asked = away.ask(QUESTION).question_id or 0
    with away.server.away():
        found = away.core.recording.question(asked)
        assert found is not None
        assert (found.text, found.hits) == (QUESTION, ())
        later = away.ask(FEEDING).question_id or 0
        assert away.core.recording.last_public_id(5, asked) == later
        assert away.core.recording.last_public_id(6, asked) is None
        last = away.core.recording.last_of_member(1, 5)
        assert last is not None
        assert (last.id, last.text) == (later, FEEDING)
        assert away.core.recording.last_of_member(2, 5) is None
        assert away.core.recording.last_of_member(1, 6) is None
        with pytest.raises(StoreError):
            away.core.recording.question(later + 1)
        with pytest.raises(StoreError):
            away.core.recording.last_public_id(5, asked - 1)
        # No words of a forgotten member stay in memory.
        away.core.answer_pipeline.forget()
        with pytest.raises(StoreError):
            away.core.recording.question(asked)


def test_a_processs_ids_exceed_earlier_ones(away: Away) -> None:
    first = away.ask(QUESTION)
    settings = Settings(data=DataSettings(folder=away.core.folder, database=away.server.own_url))
    with Core(settings, WordEmbedder(512)) as other:
        [reply] = other.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)])
        away.core.recording.renew_ids()
        again = away.ask(QUESTION)
        assert (first.question_id or 0) < (reply.question_id or 0) < (again.question_id or 0)
        away.core.recording.renew_ids()
        assert away.ask(QUESTION).question_id == (again.question_id or 0) + 1


def test_what_is_asked_again_is_not_recorded_either(away: Away) -> None:
    with away.server.away():
        [reply] = away.core.answer_pipeline.ask([Ask(QUESTION, 1, GUILD)], record=False)
        assert replace(reply, seconds=0, bridged=False).question_id is None
        assert not away.core.recording.waiting


def test_unrecorded_questions_are_told(away: Away, caplog: pytest.LogCaptureFixture) -> None:
    with away.server.away():
        away.ask(QUESTION)
        away.core.close()
    assert "1 question could not be recorded." in caplog.text

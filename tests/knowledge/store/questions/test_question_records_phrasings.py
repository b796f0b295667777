"""Phrasings are counted by member, guild and tokens, and lose their words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knowledge.store.store import Store
from knowledge.values.guilds import Phrasing
from knowledge.values.questions import (
    UNDER_WAY,
    Evidence,
    PhrasingCaps,
    Question,
    RecordedHit,
    RecordedPhrasing,
    UsedUp,
    WrittenLine,
)
from knowledge.values.quotas import DAY, HOUR, Quota
from tests.stores import Place

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
MIRA, ADA, GUILD, ELSEWHERE = 7, 8, 10, 11
HIT = RecordedHit("note:1", "Wood", "", "Buy wood in May.", 0.9, ())
ANY = PhrasingCaps()


def ask(store: Store, member_id: int = MIRA, guild_id: int | None = GUILD) -> int:
    question = Question(0, guild_id, 5, member_id, "When?", Evidence.STRONG, NOW, 1, hits=[HIT])
    return store.question_records.record([question])[0]


def found(at: datetime = NOW, **values: Any) -> RecordedPhrasing:
    given = RecordedPhrasing("phrase", "shown", at, model="small", chosen=("1.1",))
    return replace(given, **values)


def test_question_is_claimed_once_and_on_record(store: Store) -> None:
    question_id = ask(store)
    assert store.phrasings.claim(question_id, "choose", ANY, NOW)
    assert not store.phrasings.claim(question_id, "choose", ANY, NOW)
    assert not store.phrasings.claim(question_id + 1, "choose", ANY, NOW)
    kept = store.phrasings.of(question_id)
    assert kept == RecordedPhrasing("choose", UNDER_WAY, NOW)
    assert store.phrasings.of(question_id + 1) is None


def test_all_that_is_said_of_a_phrasing_is_kept(store: Store) -> None:
    question_id = ask(store)
    store.phrasings.claim(question_id, "phrase", ANY, NOW)
    whole = found(
        prompt_version=3,
        places=(2, 0, 1),
        lines=(WrittenLine("Wood is bought in May. Ä", (1, 2)),),
        verdicts={"shown": 1, "number": 2},
        prompt_tokens=300,
        reply_tokens=40,
        milliseconds=1_234,
    )
    store.phrasings.finish(question_id, whole, keeps_words=True)
    assert store.phrasings.of(question_id) == whole


def test_without_leave_no_word_of_a_models_is_kept(store: Store) -> None:
    question_id = ask(store)
    lines = (WrittenLine("Wood is bought in May.", (1,)),)
    store.phrasings.finish(question_id, found(lines=lines), keeps_words=False)
    assert store.phrasings.of(question_id) == found()


@pytest.mark.parametrize("pruned", [True, False])
def test_words_go_and_figures_stay(store: Store, pruned: bool) -> None:
    question_id = ask(store)
    lines = (WrittenLine("Wood is bought in May.", (1,)),)
    store.phrasings.finish(question_id, found(lines=lines, reply_tokens=9), keeps_words=True)
    if pruned:
        store.question_records.prune(NOW + DAY, 10)
    else:
        store.database.run("delete from recorded_passages where document_id = 'note:1'")
    kept = store.phrasings.of(question_id)
    assert kept is not None
    assert (kept.lines, kept.reply_tokens) == ((), 9)


def test_phrasing_goes_with_its_question(store: Store) -> None:
    question_id = ask(store)
    store.phrasings.claim(question_id, "choose", ANY, NOW)
    store.database.run("delete from questions")
    store.phrasings.finish(question_id, found(), keeps_words=True)
    assert store.database.rows("select * from phrasings") == []


def test_member_has_an_hourly_limit_everywhere(store: Store) -> None:
    caps = PhrasingCaps(member_hourly=2)
    assert store.phrasings.claim(ask(store), "choose", caps, NOW)
    assert store.phrasings.claim(ask(store, guild_id=ELSEWHERE), "choose", caps, NOW)
    assert not store.phrasings.claim(ask(store), "choose", caps, NOW + HOUR / 2)
    assert store.phrasings.claim(ask(store, ADA), "choose", caps, NOW + HOUR / 2)
    assert store.phrasings.claim(ask(store), "choose", caps, NOW + HOUR)


@pytest.mark.parametrize("guild_id", [GUILD, None])
def test_guild_has_its_limit_in_any_day(store: Store, guild_id: int | None) -> None:
    caps = PhrasingCaps(guild_daily=1)
    assert store.phrasings.claim(ask(store, MIRA, guild_id), "choose", caps, NOW)
    assert not store.phrasings.claim(ask(store, ADA, guild_id), "choose", caps, NOW + HOUR)
    assert store.phrasings.claim(ask(store, ADA, ELSEWHERE), "choose", caps, NOW + HOUR)
    assert store.phrasings.claim(ask(store, ADA, guild_id), "choose", caps, NOW + DAY)


def test_tokens_of_a_day_are_those_of_everybody(store: Store) -> None:
    caps = PhrasingCaps(daily_tokens=100)
    for minutes, member_id in enumerate((MIRA, ADA)):
        question_id, at = ask(store, member_id), NOW + timedelta(minutes=minutes)
        assert store.phrasings.claim(question_id, "choose", caps, at)
        spent = found(at, prompt_tokens=40, reply_tokens=10)
        store.phrasings.finish(question_id, spent, keeps_words=False)
    last = ask(store, 9, ELSEWHERE)
    assert not store.phrasings.claim(last, "choose", caps, NOW + HOUR)
    assert store.phrasings.claim(last, "choose", caps, NOW + DAY)


def test_what_is_repeated_is_on_record_and_counts_for_nothing(store: Store) -> None:
    caps = PhrasingCaps(member_hourly=1, guild_daily=1, daily_tokens=1)
    repeated = found(repeated=True, prompt_tokens=40)
    store.phrasings.finish(ask(store), repeated, keeps_words=False)
    assert store.phrasings.of(1) == repeated
    assert store.phrasings.claim(ask(store), "choose", caps, NOW)


def test_a_clock_that_was_set_back_locks_nobody_out(store: Store) -> None:
    caps = PhrasingCaps(member_hourly=1)
    assert store.phrasings.claim(ask(store), "choose", caps, NOW)
    assert store.phrasings.claim(ask(store), "choose", caps, NOW - DAY)


def test_a_bot_that_starts_knows_who_has_none_left(store: Store) -> None:
    caps = PhrasingCaps(member_hourly=1, guild_daily=2, daily_tokens=1_000)
    store.phrasings.claim(ask(store), "choose", caps, NOW)
    store.phrasings.claim(ask(store, ADA), "choose", caps, NOW - HOUR)
    used = store.phrasings.all_used_up(caps, NOW)
    assert used == UsedUp({MIRA: NOW + HOUR}, {GUILD: NOW - HOUR + DAY})
    assert used.stops(ADA, GUILD, NOW)
    assert used.stops(MIRA, ELSEWHERE, NOW)
    assert not used.stops(ADA, ELSEWHERE, NOW)
    assert not used.stops(MIRA, ELSEWHERE, NOW + HOUR)


def test_a_guild_chooses_for_one_host(store: Store) -> None:
    settings = store.guilds.settings(GUILD)
    assert (settings.phrasing, settings.phrasing_host) == (Phrasing.OFF, "")
    changes = {"phrasing": Phrasing.CHOOSE, "phrasing_host": "127.0.0.1"}
    store.guilds.change(GUILD, changes, ADA)
    settings = store.guilds.settings(GUILD)
    assert (settings.phrasing, settings.phrasing_host) == (Phrasing.CHOOSE, "127.0.0.1")


# Questions counted by member and guild for a day, across restarts.


TWO = Quota(hour=2)


def times(store: Store) -> list[datetime]:
    rows = store.database.rows("select asked_at from recent_questions order by asked_at")
    return [datetime.fromisoformat(row["asked_at"]) for row in rows]


def test_limit_holds_across_restarts(place: Place) -> None:
    with place.store() as store:
        assert store.recent_questions.count_question(GUILD, MIRA, TWO, NOW) is None
        assert (
            store.recent_questions.count_question(GUILD, MIRA, TWO, NOW + timedelta(minutes=5))
            is None
        )
    with place.store() as store:
        for minutes in (6, 30, 59):
            at = NOW + timedelta(minutes=minutes)
            assert store.recent_questions.count_question(GUILD, MIRA, TWO, at) == NOW + HOUR
        assert store.recent_questions.count_question(GUILD, MIRA, TWO, NOW + HOUR) is None


def test_members_and_guilds_are_counted_by_themselves(store: Store) -> None:
    one = Quota(hour=1)
    for guild_id, member_id in ((GUILD, MIRA), (GUILD, ADA), (0, MIRA)):
        assert store.recent_questions.count_question(guild_id, member_id, one, NOW) is None
    assert store.recent_questions.count_question(GUILD, MIRA, one, NOW) == NOW + HOUR


def test_questions_that_no_limit_counts_any_more_are_deleted(store: Store) -> None:
    store.recent_questions.count_question(GUILD, MIRA, TWO, NOW)
    store.recent_questions.count_question(GUILD, ADA, TWO, NOW + HOUR)
    store.recent_questions.count_question(GUILD, ADA, TWO, NOW + DAY)
    assert times(store) == [NOW + HOUR, NOW + DAY]


def test_a_members_times_are_exported_and_forgotten(store: Store) -> None:
    store.recent_questions.count_question(GUILD, MIRA, TWO, NOW)
    store.recent_questions.count_question(0, MIRA, TWO, NOW)
    kept = [{"guild": guild_id, "asked_at": NOW.isoformat()} for guild_id in (GUILD, None)]
    exported = store.personal_data.export(MIRA)["recent_questions"]
    assert sorted(exported, key=str) == sorted(kept, key=str)
    store.personal_data.forget(MIRA, withdraw=False)
    assert times(store) == []

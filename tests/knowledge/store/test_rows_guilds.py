"""Guilds of rows: each kind of row has its guild's; without one it is guild 0's."""

from datetime import UTC, datetime, timedelta

from knowledge.store.interactions import KeptInteraction
from knowledge.store.rows import NO_GUILD, RowKind, guild_of, only_guild
from knowledge.store.store import Store
from knowledge.values.notes import Member, NoticeEvent
from knowledge.values.questions import Evidence, HelpedQuestion, Question
from knowledge.values.submissions import Submission

GUILD = 42
AT = datetime(2026, 1, 2, tzinfo=UTC)


def test_each_kind_of_row_is_its_guilds(store: Store) -> None:
    note = store.contributions.propose(GUILD, Member(7, "Mira"), 5, Submission("A", "Ferries."))
    [question_id] = store.question_records.record([_question(GUILD)])
    with store.database.writing(GUILD):
        store.notices.add(GUILD, 7, 5, NoticeEvent.APPROVED)
    [notice] = store.notices.unsent()
    store.inbox.keep(KeptInteraction(3, GUILD, 7, "token", "en", "form", [], AT))
    helped = HelpedQuestion(9, GUILD, 5, 7, False, AT, AT + timedelta(hours=1))
    store.helped_questions.add(helped)

    found = {
        RowKind.REVISION: note.note.revision.id,
        RowKind.QUESTION: question_id,
        RowKind.NOTICE: notice.id,
        RowKind.INBOX: 3,
        RowKind.HELPED_QUESTION: 9,
    }
    assert found.keys() == set(RowKind)
    assert {guild_of(store.database, kind, key) for kind, key in found.items()} == {GUILD}


def test_missing_rows_and_direct_messages_have_no_guild(store: Store) -> None:
    [question_id] = store.question_records.record([_question(None)])
    for kind in RowKind:
        assert guild_of(store.database, kind, 12345) == NO_GUILD
    assert guild_of(store.database, RowKind.QUESTION, question_id) == NO_GUILD


def test_several_rows_are_of_one_guild_or_of_no_single_one() -> None:
    assert only_guild([GUILD, GUILD]) == GUILD
    assert only_guild([None, None]) == NO_GUILD
    assert only_guild([GUILD, None]) is None
    assert only_guild([]) is None


def _question(guild_id: int | None) -> Question:
    return Question(0, guild_id, 5, 7, "When does the ferry leave?", Evidence.NONE, AT, 1)

"""One history in SQLite and in PostgreSQL: the same results, and the same export."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.backup.exporter import export
from knowledge.store.audit_log import LogEntry, LogFilter
from knowledge.store.interactions import KeptInteraction
from knowledge.store.notes.decisions import Ruling
from knowledge.store.questions.question_records import digest_of
from knowledge.store.rows import RowKind, guild_of
from knowledge.store.store import Store
from knowledge.values.documents import Scope
from knowledge.values.guilds import Rule, SyncedChannel, SyncedContent
from knowledge.values.notes import (
    Decision,
    Member,
    PageName,
    PageVeto,
    Picture,
    Problem,
    SourceChange,
    SourceMessage,
)
from knowledge.values.questions import (
    DailyCaps,
    Evidence,
    Feedback,
    GoldenState,
    HelpedQuestion,
    PhrasingCaps,
    PostState,
    Question,
    RecordedHit,
    RecordedPhrasing,
    Verdict,
    WrittenLine,
)
from knowledge.values.quotas import Quota
from knowledge.values.settings import AnsweredFrom, Edition, Mode, WeeklyDigest
from knowledge.values.submissions import Submission
from tests.knowledge.full_store import picture
from tests.postgres import Cluster
from tests.stores import EMPTY_TABLES, FILE, Place, make_tables

GUILDS = (10, 2**62)
# Long ago, to tell the history's times from those of the test's run.
AT = datetime(2020, 3, 4, 5, 6, 7, 800, tzinfo=UTC)
# A common key for members' digests, instead of each folder's own.
KEY = json.dumps({"key": "00" * 32}) + "\n"
# Times of the test's run in either format.
_TIME = re.compile(
    r"20(?:2[1-9]|[3-9]\d)-\d\d-\d\dT[\d:.]+(?:\+00:00)?"
    r"|datetime\.datetime\(20(?:2[1-9]|[3-9]\d),[^)]*\)"
)

_TEXTS = st.sampled_from(
    ["When?", " when? ", "WHEN?", "Wie weit ist’s?", "", "a\nb", "%s ? ?1 'it''s' \"x\"", "Ä", "ä"]
)
# Mostly one guild and the first few rows, so that much interacts.
_GUILDS = st.sampled_from((GUILDS[0], *GUILDS))
_MEMBERS = st.integers(1, 4)
_ROWS = st.integers(1, 4)
_MOMENTS = st.integers(-40, 40).map(lambda hours: AT + timedelta(hours=hours))
# PostgreSQL refuses a product that underflows.
_SCORES = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)

Command = Callable[[Store], Any]


@st.composite
def _hits(draw: st.DrawFn) -> list[RecordedHit]:
    return [
        RecordedHit(
            draw(st.sampled_from(["note:1", "note:2", "file:a.md", "channel:8:1:2", "NOTE:1"])),
            *(("", "", "") if channel else ("T", "A › B", draw(_TEXTS))),
            draw(_SCORES),
            ("meaning",),
            source_channel_id=channel,
            position=draw(st.none() | st.integers(0, 3)),
        )
        for channel in draw(st.lists(st.none() | st.just(8), max_size=3))
    ]


@st.composite
def _questions(draw: st.DrawFn) -> Question:
    return Question(
        id=0,
        guild_id=draw(st.none() | _GUILDS),
        channel_id=draw(st.none() | st.integers(5, 6)),
        asker_id=draw(_MEMBERS),
        text=draw(_TEXTS),
        evidence=draw(st.sampled_from(Evidence)),
        asked_at=draw(_MOMENTS),
        generation=draw(st.integers(0, 2**62)),
        hits=draw(_hits()),
        earlier=draw(_TEXTS),
        signals={"cosine": draw(_SCORES)},
        private=draw(st.booleans()),
        channels=draw(st.sampled_from([(), (8,), (9, 8)])),
        answered_from=draw(st.sampled_from([AnsweredFrom(), AnsweredFrom(("gpu",))])),
        quotations=draw(st.none() | st.integers(1, 3)),
    )


@st.composite
def _notes(draw: st.DrawFn) -> Command:
    guild, member = draw(_GUILDS), _member(draw(_MEMBERS))
    said = Submission(draw(_TEXTS), draw(_TEXTS), draw(st.sampled_from([(), ("x",), ("x", "y")])))
    pictures: list[Picture] = [picture(one) for one in draw(st.lists(st.integers(1, 3)))]
    source = draw(st.none() | st.integers(70, 72).map(lambda one: SourceMessage(5, one)))
    note_id = draw(st.none() | _ROWS)
    told = draw(st.booleans())
    if note_id is None:
        return lambda store: store.contributions.propose(
            guild, member, 5, said, source=source, pictures=pictures, for_page=told
        )
    return lambda store: store.contributions.revise(
        guild, note_id, member, said, pictures=pictures, for_page=told
    )


@st.composite
def _decisions(draw: st.DrawFn) -> Command:
    guild, row, member = draw(_GUILDS), draw(_ROWS), _member(draw(_MEMBERS))
    ruling = Ruling(draw(st.sampled_from([*Decision][:3])), draw(_TEXTS))
    said = Submission("Edited", draw(_TEXTS))
    of_revisions: list[Command] = [
        lambda store: store.decisions.decide(guild, row, member, ruling),
        lambda store: store.decisions.edit_and_approve(guild, row, member, said),
        lambda store: store.decisions.undo(guild, row, member, "Oh"),
        lambda store: store.decisions.roll_back(guild, row, member),
        lambda store: store.decisions.retire(guild, row, member),
        lambda store: store.decisions.restore(guild, row, member),
        lambda store: store.decisions.keep(guild, row, member),
        lambda store: store.contributions.withdraw(guild, row, member.id),
        lambda store: store.contributions.report(guild, row, member.id, Problem.WRONG, "No"),
        lambda store: store.contributions.flag_source_change([70, 71], SourceChange.EDITED),
        lambda store: store.guilds.save_rule(guild, Rule("x", 2, review_after_days=30), member.id),
        lambda store: store.review_cards.record_message(row, 5, 600 + row),
        lambda store: store.review_cards.begin_posting(row, 3),
        lambda store: store.review_cards.forget_messages([600, 601, 602]),
        lambda store: store.review_cards.forget_channel(5),
        lambda store: store.review_cards.forget_misplaced(guild),
        lambda store: store.review_cards.revision_of(guild, 600 + row),
        lambda store: store.guilds.change(guild, {"review_channel_id": row}, member.id),
        lambda store: store.guilds.set_quorum(guild, 2, member.id),
        lambda store: store.guilds.change(guild, {"page": row > 1}, member.id),
        lambda store: store.public_notes.release(guild, [row, row + 1], member.id),
        lambda store: store.public_notes.set_veto(
            guild, row, member, PageVeto.WRITER, vetoed=member.id > 1
        ),
        lambda store: store.public_notes.choose_name(member.id, [*PageName][row % 3]),
        lambda store: store.imports.propose(guild, member, 5, [said] * 2),
        lambda store: store.helped_questions.set_post_state(
            row, [*PostState][row % 4], AT if row % 2 else None
        ),
        lambda store: store.imports.decide(guild, row, member, Decision.APPROVE),
        lambda store: store.notices.mark_sent(row),
        lambda store: store.review_cards.mark_newly_due(
            datetime.now(UTC) + timedelta(days=20 * row)
        ),
        lambda store: store.review_cards.mark_shown(row, 1),
        lambda store: store.gaps.link_note(guild, row, row),
    ]
    return draw(st.sampled_from(of_revisions))


@st.composite
def _asked(draw: st.DrawFn) -> Command:
    guild, row, member, at = draw(_GUILDS), draw(_ROWS), draw(_MEMBERS), draw(_MOMENTS)
    questions = draw(st.lists(_questions(), max_size=3))
    verdict = Feedback(row, member, draw(st.sampled_from(Verdict)), draw(_TEXTS))
    helped = HelpedQuestion(row, guild, 5, member, draw(st.booleans()), at, at)
    asked = questions[0] if questions else Question(0, 10, 5, 1, "Why?", Evidence.NONE, AT, 1)
    caps = PhrasingCaps(member_hourly=2, guild_daily=2, daily_tokens=30)
    text = draw(_TEXTS)
    form = KeptInteraction(row, guild, member, "token", "de", "a form", [("text", text)], at)
    phrased = RecordedPhrasing("phrase", "shown", at, lines=(WrittenLine(text, (1,)),))
    phrased = replace(phrased, prompt_tokens=20, reply_tokens=member)
    commands: list[Command] = [
        lambda store: store.question_records.record(questions),
        lambda store: store.feedback_records.record(verdict),
        lambda store: _picked(store, verdict, row),
        lambda store: store.feedback_records.take_back(row, by_moderator=member == 1),
        lambda store: store.question_records.prune(at, 2),
        lambda store: store.gaps.dismiss(guild, [row, row + 1], member),
        lambda store: store.gaps.settle(guild, [row]),
        lambda store: _pointed(store, guild, member),
        lambda store: store.gaps.reopen(row, row),
        lambda store: _merged(store, guild, [row, row + 1], member),
        lambda store: _checked(store, guild, row),
        lambda store: store.gaps.set_opt_out(member, quiet=row > 1),
        lambda store: _handed_on(store, guild, row, member, at),
        lambda store: store.handovers.claim(guild, row, member, at),
        lambda store: store.handovers.give_back(guild, row, member, at, moderator=member == 1),
        lambda store: store.handovers.decline(guild, row, member, at, moderator=member == 1),
        lambda store: store.handovers.answer(guild, row, (member, "Ben", text), [], at),
        lambda store: store.handovers.record_attempt(row),
        lambda store: store.handovers.drop_queued(row),
        lambda store: store.handovers.record_message(row, 5, 6),
        lambda store: _shown(store),
        lambda store: store.handovers.mark_stale(at),
        lambda store: store.helped_questions.add(helped),
        lambda store: store.helped_questions.answer(helped, asked, DailyCaps(1, 2), at),
        lambda store: store.helped_questions.forget([row]),
        lambda store: store.helped_questions.watch(helped),
        lambda store: store.helped_questions.record_reply(row, 77),
        lambda store: store.helped_questions.finish(row, asked),
        lambda store: store.helped_questions.prune(at),
        lambda store: store.inbox.keep(form),
        lambda store: store.inbox.left_over(at),
        lambda store: store.inbox.delete(row),
        lambda store: store.recent_questions.count_question(guild, member, Quota(2, 0), at),
        lambda store: store.phrasings.claim(row, "phrase", caps, at),
        lambda store: store.phrasings.finish(row, phrased, keeps_words=member > 1),
        lambda store: store.phrasings.all_used_up(caps, at),
    ]
    return draw(st.sampled_from(commands))


@st.composite
def _whole(draw: st.DrawFn) -> Command:
    member, guild, at = draw(_MEMBERS), draw(_GUILDS), draw(_MOMENTS)
    edition, mode = draw(st.sampled_from(Edition)), draw(st.none() | st.sampled_from(Mode))
    digest = WeeklyDigest(guild, edition, member, 0, 9, "Europe/Berlin", chosen_at=at)
    synced = SyncedChannel(member, guild, draw(st.sampled_from(SyncedContent)), at)
    commands: list[Command] = [
        lambda store: store.personal_data.forget(member, withdraw=guild == GUILDS[0]),
        lambda store: store.personal_data.forget_chats(lambda _: ["When?"]),
        lambda store: store.purge.guild(guild),
        lambda store: store.quote_opt_outs.withhold(member, "mira"),
        lambda store: store.guilds.leave(guild, at),
        lambda store: store.guilds.come_back(guild),
        lambda store: store.guilds.count_absence(at),
        lambda store: store.add_source(f"/{member}", Scope(guild)),
        lambda store: store.remember("a key", str(at)),
        lambda store: store.digests.choose(digest, member),
        lambda store: store.digests.change(guild, edition, {"hour": member}, member, at),
        lambda store: store.digests.claim(digest, at),
        lambda store: store.digests.settle(digest, at, covered=member > 1),
        lambda store: store.digests.warn(digest, warned=member > 1),
        lambda store: store.digests.end(guild, edition, member),
        lambda store: store.channel_settings.change(member, guild, {"mode": mode}, member),
        lambda store: store.channel_settings.forget(member, guild),
        lambda store: store.synced_channels.add(synced, member),
        lambda store: store.synced_channels.remove(member, guild, member),
        # Other ids: a form that was given back is refused.
        lambda store: store.handled.once(guild, [member + 9], lambda: (1, member), lambda row: row),
        lambda store: store.handled.give_back(guild, member),
        lambda store: store.recall("a key"),
        lambda store: store.keep_file_ids({"/a": f"file:{member}"}),
        lambda store: store.file_ids(),
    ]
    return draw(st.sampled_from(commands))


def _beginning(questions: list[Question]) -> list[Command]:
    """The start of every history: questions, and notes, one of them live."""
    ada, said = _member(2), Submission("Hours", "When?", ("x",))
    approve = Ruling(Decision.APPROVE)
    return [
        lambda store: store.question_records.record(questions),
        *[lambda store: store.contributions.propose(GUILDS[0], _member(1), 5, said)] * 2,
        lambda store: store.decisions.decide(GUILDS[0], 1, ada, approve),
    ]


def _commands() -> st.SearchStrategy[Command]:
    return st.one_of(_notes(), _decisions(), _asked(), _asked(), _whole())


def _member(key: int) -> Member:
    return Member(key, ["Mira", "Ada", "Ben", "Cleo"][key - 1])


def _merged(store: Store, guild: int, question_ids: list[int], member: int) -> None:
    there = [one for one in question_ids if store.question_records.question(one)]
    if there:
        store.gaps.merge(guild, there, member)


def _pointed(store: Store, guild: int, member: int) -> None:
    if gaps := store.gaps.open(guild)[:2]:
        store.gaps.point_to_document(guild, member, gaps)


def _checked(store: Store, guild: int, question_id: int) -> None:
    for publication in store.gaps.unchecked_publications():
        store.gaps.record_check(publication, [question_id], store.gaps.open(guild))
    golden = store.golden_questions.of_guild(guild)
    checked = [
        replace(one, state=GoldenState.MOVED, checked_at=AT, changed_at=AT) for one in golden
    ]
    store.golden_questions.record_checks(guild, checked)
    store.golden_questions.settle(guild, [one.question_id for one in golden[1:]])


def _shown(store: Store) -> None:
    for handover in store.handovers.due():
        store.handovers.mark_shown(handover)


def _picked(store: Store, verdict: Feedback, row: int) -> bool | None:
    hits = store.question_records.hits(row)
    if not hits:
        return None
    wanted = digest_of(hits[-1])
    return store.feedback_records.record_pick(verdict, wanted, by_moderator=verdict.member_id == 1)


def _handed_on(store: Store, guild: int, row: int, member: int, at: datetime) -> Any:
    same = [one for one in (row, row + 1) if store.gaps.find(guild, one)]
    return store.handovers.enqueue(guild, same, member, at) if same else None


def _seen(store: Store) -> list[Any]:
    """The results of all queries of a store."""
    since, until = AT - timedelta(days=3), AT + timedelta(days=30_000)
    records, feedback = store.question_records, store.feedback_records
    of_all = [
        store.notes.every_live(),
        store.notes.watched(),
        store.notes.due_ids(until),
        store.review_cards.due(),
        store.notices.queue(),
        store.totals(),
        store.sources(),
        records.judged_helpful(),
        feedback.confirmed(None),
        feedback.confirmed_version()[:1],
        store.gaps.unchecked_publications(),
        store.handovers.due(),
        store.public_notes.guilds(),
        [store.public_notes.name_of(member) for member in range(5)],
        store.helped_questions.waiting(),
        store.helped_questions.due(until, 3),
        sorted(store.guilds.known()),
        store.audit_log.contradicted_notes(),
        store.digests.all(),
        store.channel_settings.every(),
        store.synced_channels.all(),
        store.period_figures.days(None, since, until),
        store.period_figures.quotations(None, since, until, 2, 0.5),
        store.period_figures.verdicts(range(8)),
        [store.personal_data.export(member) for member in range(5)],
        [records.question(row) for row in range(8)],
        [feedback.of(row) for row in range(8)],
        [store.pictures.of(row) for row in range(8)],
        [store.period_figures.answered_by(row, (5, 6)) for row in range(4)],
    ]
    of_each = [
        [
            store.notes.listed(guild),
            store.notes.pending(guild),
            store.notes.queue(guild, until),
            store.notes.revision_titles(guild, range(9)),
            store.gaps.open(guild),
            store.gaps.merged_groups(guild),
            store.gaps.under_review(guild),
            store.handovers.of_guild(guild),
            store.credit.contributors(guild, None, 3, 0.5),
            store.credit.contributors(guild, since, 3, 0.5),
            store.credit.activity(guild, 0, 3),
            store.period_figures.question_counts(guild, since, until),
            store.period_figures.new_notes(guild, since, until),
            store.period_figures.unanswered_posts(guild, since, until, 5),
            feedback.confirmed(guild, (8,)),
            store.golden_questions.of_guild(guild),
            store.golden_questions.changes(guild),
            store.golden_questions.ids_by_moderators(guild, 5),
            records.recent_public(guild, 5),
            records.last_public_id(5, 0),
            records.last_of_member(1, 5, since),
            store.counts(guild),
            store.public_notes.of_guild(guild),
            store.public_notes.formerly_public(guild),
            store.public_notes.unreleased(guild, 2, 1),
            store.public_notes.unreleased_count(guild),
            store.imports.waiting(guild, 2, 2),
            store.helped_questions.posts(since, until),
            store.imports.waiting_count(guild, 2),
            store.public_notes.times_asked(guild),
            store.public_notes.on_page(guild, range(9)),
            store.public_notes.version(guild)[:3],
            store.guilds.settings(guild),
            store.digests.of_guild(guild),
            store.period_figures.days(guild, since, until),
            store.period_figures.quotations(guild, since, until, 2, 0.5),
            [store.personal_data.summary(member, guild) for member in range(5)],
            _page(store, guild, LogFilter(since, 2)),
            _page(store, guild, LogFilter(event="approved"), after=1),
            [guild_of(store.database, kind, 1) for kind in RowKind],
        ]
        for guild in GUILDS
    ]
    return [of_all, of_each]


def _page(store: Store, guild: int, wanted: LogFilter, **place: int) -> list[LogEntry]:
    return store.audit_log.page(guild, wanted, 5, **place)


def _said(value: object) -> str:
    return _TIME.sub("T", repr(_plain(value)))


def _plain(value: Any) -> Any:
    """A value without meaningless differences, such as a mapping's order."""
    if is_dataclass(value):
        return [type(value).__name__, *(_plain(getattr(value, one.name)) for one in fields(value))]
    if isinstance(value, Mapping):
        return sorted((str(key), _plain(one)) for key, one in value.items())
    return [*map(_plain, value)] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables."""
    folder = tmp_path_factory.mktemp("made")
    Place(folder).store().close()
    return folder / FILE


@contextmanager
def _stores(folder: Path, url: str, made: Path) -> Iterator[list[Store]]:
    with ExitStack() as opened:
        stores = []
        for name, where in (("sqlite", ""), ("postgres", url)):
            place = folder / name
            place.mkdir()
            (place / "tombstones.jsonl").write_text(KEY)
            if not where:
                copy(made, place / FILE)
            stores.append(opened.enter_context(Place(place, where).store()))
        yield stores


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    begun=st.lists(_questions(), min_size=3, max_size=3),
    history=st.lists(st.deferred(_commands), min_size=10, max_size=60),
)
def test_same_history_is_the_same_in_both(
    postgres: Cluster, made: Path, begun: list[Question], history: list[Command]
) -> None:
    url = postgres.shared("community", make_tables)
    try:
        with TemporaryDirectory() as place, _stores(Path(place), url, made) as stores:
            for step in (*_beginning(begun), *history):
                one, other = (_said(step(store)) for store in stores)
                assert one == other
            one, other = (_said(_seen(store)) for store in stores)
            assert one == other
            files = [_exported(store, Path(place, str(n))) for n, store in enumerate(stores)]
            assert files[0] == files[1]
    finally:
        postgres.execute(EMPTY_TABLES, url)


def _exported(store: Store, folder: Path) -> dict[str, str]:
    export(store.database, folder)
    return {
        path.relative_to(folder).as_posix(): _TIME.sub("T", path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

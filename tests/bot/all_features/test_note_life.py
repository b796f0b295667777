"""State machine of a note's life: members, moderators and guilds in any order of steps."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.privacy import service as privacy_service
from bot.review import service as review_service
from knowledge.store.audit_log import replay
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import Kind, Scope
from knowledge.values.guilds import Rule, every_guild
from knowledge.values.notes import Decision, Member, Note, Obstacle, Outcome, Problem, State
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.knowledge.decided_notes import RULINGS

GUILDS = (10, 11)
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = tuple(Member(number, f"Person {number}") for number in (1, 2, 3, 4))
TEXTS = st.sampled_from([f"The lantern {number} is lit at dusk." for number in range(6)])
GUILD = st.sampled_from(GUILDS)
PERSON = st.sampled_from(PEOPLE)
MEMBER = st.sampled_from(PEOPLE[:2])
# What is tried mostly concerns a note that is there, in the guild that it belongs to.
NUMBERS = st.integers(min_value=1, max_value=4)
ELSEWHERE = st.sampled_from([False] * 9 + [True])
SELDOM = st.sampled_from([False] * 7 + [True])
LATEST = st.sampled_from([True, True, True, False])


class NotesLife(RuleBasedStateMachine):
    """Everybody tries any step at any time; the state alone decides whether it is allowed."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        chosen = Settings(data=DataSettings(folder=Path(self.folder.name)))
        self.core = Core(chosen, WordEmbedder(64))
        for guild_id in GUILDS:
            self.core.store.guilds.save_settings(GuildSettings(guild_id, 1, 2), 9)
        # In the second guild two must agree, and one role publishes at once in the first.
        self.core.store.guilds.save_rule(GUILDS[1], Rule("", quorum=2), 9)
        self.core.store.guilds.save_rule(GUILDS[0], Rule("news", publish_role_id=55), 9)
        # What the live text of each note must be, kept apart from the tables.
        self.live: dict[int, str] = {}
        self.before: dict[int, str | None] = {}
        for guild_id, contributor in ((GUILDS[0], 0), (GUILDS[0], 1), (GUILDS[1], 0)):
            submission = Submission("Lantern", f"The lantern of note {guild_id} {contributor}.")
            review_service.update_index(
                self.core,
                self.core.store.contributions.propose(guild_id, PEOPLE[contributor], 5, submission),
            )

    def teardown(self) -> None:
        if hasattr(self, "core"):
            self.core.close()
            self.folder.cleanup()

    def _approved(self, outcome: Outcome | None) -> None:
        if outcome is None or not outcome.done:
            return
        note = outcome.note
        if note.live and note.revision.state is State.APPROVED and outcome.live_changed:
            self.before[note.revision.id] = self.live.get(note.id)
            self.live[note.id] = note.revision.submission.text

    @precondition(lambda self: len(self.live) < 4)
    @rule(guild=GUILD, person=MEMBER, text=TEXTS, news=st.booleans(), role=st.booleans())
    def propose(self, guild: int, person: Member, text: str, news: bool, role: bool) -> None:
        submission = Submission("Lantern", text, ("news",) if news else ())
        roles = (55,) if role else ()
        self._approved(
            review_service.update_index(
                self.core,
                self.core.store.contributions.propose(guild, person, 5, submission, role_ids=roles),
            )
        )

    @rule(elsewhere=ELSEWHERE, note=NUMBERS, person=MEMBER, text=TEXTS)
    def revise(self, note: int, elsewhere: bool, person: Member, text: str) -> None:
        guild = self._guild(note, elsewhere=elsewhere)
        submission = Submission("Lantern", text)
        outcome = review_service.update_index(
            self.core, self.core.store.contributions.revise(guild, note, person, submission)
        )
        if outcome is not None and outcome.note.contributor_id != person.id:
            obstacles = {Obstacle.WAITS, Obstacle.UNCHANGED}
            assert outcome.obstacle in obstacles or outcome.note.revision.extension
            assert not outcome.live_changed
        self._approved(outcome)

    @rule(
        elsewhere=ELSEWHERE,
        number=NUMBERS,
        latest=LATEST,
        person=PERSON,
        decision=st.sampled_from(RULINGS),
    )
    def decide(
        self,
        number: int,
        elsewhere: bool,
        latest: bool,
        person: Member,
        decision: Decision,
    ) -> None:
        guild = self._guild(number, elsewhere=elsewhere)
        revision = self._revision(guild, number, latest=latest)
        before = self.core.store.notes.find(revision, guild)
        outcome = review_service.decide(self.core, guild, revision, person, Ruling(decision))
        self._decided(before, outcome, person)
        self._approved(outcome)

    @rule(elsewhere=ELSEWHERE, number=NUMBERS, latest=LATEST, person=PERSON, text=TEXTS)
    def edit(self, number: int, elsewhere: bool, latest: bool, person: Member, text: str) -> None:
        guild = self._guild(number, elsewhere=elsewhere)
        revision = self._revision(guild, number, latest=latest)
        before = self.core.store.notes.find(revision, guild)
        submission = Submission("Lantern", text)
        outcome = review_service.update_index(
            self.core,
            self.core.store.decisions.edit_and_approve(guild, revision, person, submission),
        )
        self._decided(before, outcome, person)
        self._approved(outcome)

    @rule(elsewhere=ELSEWHERE, number=NUMBERS, latest=LATEST, person=PERSON)
    def undo(self, number: int, elsewhere: bool, latest: bool, person: Member) -> None:
        guild = self._guild(number, elsewhere=elsewhere)
        revision = self._revision(guild, number, latest=latest)
        before = self.core.store.notes.find(revision, guild)
        outcome = review_service.update_index(
            self.core, self.core.store.decisions.undo(guild, revision, person)
        )
        if outcome is None or not outcome.done:
            return
        assert before is not None
        assert outcome.note.revision.state is State.PENDING
        if before.revision.state is State.APPROVED:
            earlier = self.before.pop(revision)
            if earlier is None:
                self.live.pop(before.id)
            else:
                self.live[before.id] = earlier

    @rule(elsewhere=ELSEWHERE, note=NUMBERS, person=MEMBER)
    def withdraw(self, note: int, elsewhere: bool, person: Member) -> None:
        guild = self._guild(note, elsewhere=elsewhere)
        outcome = review_service.update_index(
            self.core, self.core.store.contributions.withdraw(guild, note, person.id)
        )
        self._own(outcome, guild, note, person)
        if outcome is not None and outcome.live_changed:
            self.live.pop(note)

    @rule(elsewhere=ELSEWHERE, note=NUMBERS, person=PERSON)
    def retire(self, note: int, elsewhere: bool, person: Member) -> None:
        guild = self._guild(note, elsewhere=elsewhere)
        outcome = review_service.update_index(
            self.core, self.core.store.decisions.retire(guild, note, person)
        )
        if outcome is not None and outcome.done:
            self.live.pop(note)

    @rule(elsewhere=ELSEWHERE, note=NUMBERS, person=PERSON)
    def restore(self, note: int, elsewhere: bool, person: Member) -> None:
        guild = self._guild(note, elsewhere=elsewhere)
        outcome = review_service.update_index(
            self.core, self.core.store.decisions.restore(guild, note, person)
        )
        if outcome is not None and outcome.done:
            self.live[note] = outcome.note.revision.submission.text

    @rule(elsewhere=ELSEWHERE, number=NUMBERS, latest=LATEST, person=PERSON)
    def roll_back(self, number: int, elsewhere: bool, latest: bool, person: Member) -> None:
        guild = self._guild(number, elsewhere=elsewhere)
        revision = self._revision(guild, number, latest=latest)
        self._approved(
            review_service.update_index(
                self.core, self.core.store.decisions.roll_back(guild, revision, person)
            )
        )

    @rule(elsewhere=ELSEWHERE, note=NUMBERS, person=PERSON)
    def keep(self, note: int, elsewhere: bool, person: Member) -> None:
        guild = self._guild(note, elsewhere=elsewhere)
        review_service.update_index(self.core, self.core.store.decisions.keep(guild, note, person))

    @rule(elsewhere=ELSEWHERE, note=NUMBERS, person=PERSON, problem=st.sampled_from(Problem))
    def report(self, note: int, elsewhere: bool, person: Member, problem: Problem) -> None:
        guild = self._guild(note, elsewhere=elsewhere)
        self.core.store.contributions.report(guild, note, person.id, problem, "because")

    # What is done for good is tried seldom: there would be little left to do things to.

    @rule(person=MEMBER, withdraw=st.booleans(), seldom=SELDOM)
    def forget(self, person: Member, withdraw: bool, seldom: bool) -> None:
        if not seldom:
            return
        theirs = [
            note.id
            for note in self.core.store.notes.every_live()
            if note.contributor_id == person.id
        ]
        for _ in privacy_service.update_index(
            self.core, privacy_service.forget(self.core, person.id, withdraw)
        ):
            pass
        if withdraw:
            for note_id in theirs:
                self.live.pop(note_id)

    @rule(guild=GUILD, seldom=SELDOM)
    def purge(self, guild: int, seldom: bool) -> None:
        if not seldom:
            return
        theirs = [note.id for note in self.core.store.notes.every_live() if note.guild_id == guild]
        self.core.store.guilds.leave(guild, BEGINNING)
        assert privacy_service.purge_former_guilds(
            self.core, [], every_guild, BEGINNING + timedelta(days=1), timedelta()
        ) == [guild]
        for note_id in theirs:
            self.live.pop(note_id)
        self.core.store.guilds.save_settings(GuildSettings(guild, 1, 2), 9)

    @rule()
    @precondition(lambda self: hasattr(self, "core"))
    def restart(self) -> None:
        self.core.close()
        chosen = Settings(data=DataSettings(folder=Path(self.folder.name)))
        self.core = Core(chosen, WordEmbedder(64))

    def _guild(self, number: int, *, elsewhere: bool) -> int:
        """The guild of the note with this number, or the other one."""
        note = self.core.store.notes.latest(None, number)
        own = note.guild_id if note else GUILDS[0]
        return next(one for one in GUILDS if (one != own) == elsewhere)

    def _revision(self, guild: int, number: int, *, latest: bool) -> int:
        """The latest revision of the note with this number, or the revision with this number."""
        note = self.core.store.notes.latest(guild, number) if latest else None
        return note.revision.id if note else number

    # What always holds.

    def _own(self, outcome: Outcome | None, guild: int, note_id: int, person: Member) -> None:
        if outcome is not None and outcome.note.contributor_id != person.id:
            assert outcome.obstacle is Obstacle.NOT_YOURS

    def _decided(self, before: Note | None, outcome: Outcome | None, person: Member) -> None:
        assert (outcome is None) == (before is None)
        if outcome is not None and outcome.done:
            assert before is not None
            assert before.revision.state is State.PENDING
            assert before.contributor_id != person.id
            assert not (before.revision.extension and before.revision.writer_id == person.id)

    @invariant()
    def the_live_text_is_the_last_approved_one(self) -> None:
        if not hasattr(self, "core"):
            return
        notes = self.core.store.notes.every_live()
        assert {note.id: note.revision.submission.text for note in notes} == self.live

    @invariant()
    def the_index_is_the_live_corpus_of_each_guild(self) -> None:
        if not hasattr(self, "core"):
            return
        expected = {
            guild_id: {
                note.id: note.revision.submission.text
                for note in self.core.store.notes.every_live()
                if note.guild_id == guild_id
            }
            for guild_id in GUILDS
        }
        indexed = self.core.index.tables.document_digests({Kind.NOTE})
        assert set(indexed) == {f"note:{key}" for texts in expected.values() for key in texts}
        for guild_id, texts in expected.items():
            for note_id, text in texts.items():
                passages = self.core.document(f"note:{note_id}", [Scope(guild_id)])
                assert [passage.text for passage in passages] == [text]
                other = next(one for one in GUILDS if one != guild_id)
                assert self.core.document(f"note:{note_id}", [Scope(other)]) == []

    @invariant()
    def the_log_is_whole_and_replays_to_the_same_state(self) -> None:
        if not hasattr(self, "core"):
            return
        entries = self.core.store.audit_log.entries()
        told = replay(entries)
        kept = self.core.store.database.rows("select id from notes")
        assert set(told) == {row["id"] for row in kept}
        for note_id, standing in told.items():
            history = self.core.store.notes.history(standing.guild_id, note_id)
            assert standing.states == {note.revision.id: note.revision.state for note in history}
            assert standing.live == history[0].live_revision_id
            assert standing.retired == history[0].retired_revision_id

    @invariant()
    def at_most_one_revision_of_a_note_is_pending(self) -> None:
        if not hasattr(self, "core"):
            return
        for guild_id in GUILDS:
            waiting = [note.id for note in self.core.store.notes.pending(guild_id)]
            assert len(waiting) == len(set(waiting))


NotesLife.TestCase.settings = settings(
    max_examples=min(60, settings().max_examples),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestNotesLife = NotesLife.TestCase

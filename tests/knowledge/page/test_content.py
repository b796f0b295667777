"""Content of a site in random histories: only live, consented texts of its own guild."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.page.content import site_of_guild
from knowledge.page.site import DEFAULT_ACCENT, Site, note_address
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member, Outcome, PageName, PageVeto
from knowledge.values.questions import Evidence, Question, RecordedHit
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import ADA, APPROVE, BEN, GUILD, MIRA, some
from tests.knowledge.full_store import picture

ELSEWHERE = 11
GUILDS = (GUILD, ELSEWHERE)
AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
MEMBERS = {one.id: one for one in (MIRA, ADA, BEN, Member(4, "Cleo"))}
MODERATOR = Member(9, "Mo")


@dataclass
class World:
    """A store, with its consents tracked by hand."""

    store: Store
    consented: dict[int, bool] = field(default_factory=dict)
    vetoes: set[tuple[int, PageVeto]] = field(default_factory=set)
    on: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    # By note; 0 once forgotten.
    contributors: dict[int, int] = field(default_factory=dict)
    # Members with accepted extensions of a note.
    extended: dict[int, set[int]] = field(default_factory=dict)
    texts: int = 0

    def submission(self, guild_id: int) -> Submission:
        self.texts += 1
        said = f"words {self.texts} of {guild_id}"
        return Submission(f"Title {said}", f"Text {said}", ("tag",))

    def written(self, outcome: Outcome | None, *, consented: bool) -> None:
        if outcome is not None and outcome.done:
            self.consented[outcome.note.revision.id] = consented
            self.contributors.setdefault(outcome.note.id, outcome.note.contributor_id)

    def expected(self, guild_id: int) -> dict[str, str]:
        """The texts allowed on a guild's page, by address."""
        if guild_id not in self.on or guild_id in self.left:
            return {}
        return {
            note_address(note.id): note.revision.submission.text
            for note in self.store.notes.every_live()
            if note.guild_id == guild_id
            and self.consented[note.revision.id]
            and not self.vetoes & {(note.id, one) for one in PageVeto}
            and self.contributors[note.id]
        }


Step = Callable[[World], None]
# Mostly about the few notes at the start of every history.
_GUILDS = st.sampled_from((GUILD, GUILD, GUILD, ELSEWHERE))
_NOTES = st.sampled_from((1, 1, 2, 2, 3))


def _propose(guild: int, member: Member, *, told: bool, off: bool) -> Step:
    def step(world: World) -> None:
        said = world.submission(guild)
        outcome = world.store.contributions.propose(
            guild, member, 5, said, for_page=told, off_page=off
        )
        world.written(outcome, consented=told)
        if off:
            world.vetoes.add((outcome.note.id, PageVeto.WRITER))

    return step


def _revise(guild: int, note_id: int, member: Member, *, told: bool) -> Step:
    def step(world: World) -> None:
        live = world.store.notes.live(note_id)
        said = world.submission(guild)
        outcome = world.store.contributions.revise(guild, note_id, member, said, for_page=told)
        theirs = outcome is not None and outcome.note.revision.extension
        kept = live is not None and world.consented[live.revision.id]
        world.written(outcome, consented=told and (kept or not theirs))

    return step


def _approve(guild: int, *, edited: bool) -> Step:
    """Approve the pending revision, in a moderator's words if `edited`."""

    def step(world: World) -> None:
        for note in world.store.notes.pending(guild):
            revision = note.revision
            if edited:
                outcome = world.store.decisions.edit_and_approve(
                    guild, revision.id, MODERATOR, world.submission(guild)
                )
                world.written(outcome, consented=world.consented[revision.id])
            else:
                world.store.decisions.decide(guild, revision.id, MODERATOR, APPROVE)
            if revision.extension:
                world.extended.setdefault(note.id, set()).add(revision.writer_id)

    return step


def _keep_off(guild: int, note_id: int, by: PageVeto, *, vetoed: bool) -> Step:
    def step(world: World) -> None:
        kept = world.store.public_notes.set_veto(guild, note_id, MIRA, by, vetoed=vetoed)
        if kept is not None:
            (world.vetoes.add if vetoed else world.vetoes.discard)((note_id, by))

    return step


def _release(guild: int) -> Step:
    """Release every second text approved earlier."""

    def step(world: World) -> None:
        shown = [one.revision_id for one in world.store.public_notes.unreleased(guild, 99)][::2]
        world.store.public_notes.release(guild, shown, MODERATOR.id)
        world.consented.update(dict.fromkeys(shown, True))

    return step


def _roll_back(guild: int, note_id: int) -> Step:
    def step(world: World) -> None:
        history = world.store.notes.history(guild, note_id)
        for earlier in history[:1]:
            told = world.consented[earlier.revision.id]
            outcome = world.store.decisions.roll_back(guild, earlier.revision.id, MODERATOR)
            world.written(outcome, consented=told)

    return step


def _forget(member_id: int, *, withdraw: bool) -> Step:
    def step(world: World) -> None:
        world.store.personal_data.forget(member_id, withdraw=withdraw)
        for note_id, contributor_id in world.contributors.items():
            if contributor_id == member_id:
                world.contributors[note_id] = 0
        for note_id, writers in world.extended.items():
            if member_id in writers:
                writers.discard(member_id)
                for guild in GUILDS:
                    for note in world.store.notes.history(guild, note_id):
                        world.consented[note.revision.id] = False

    return step


def _turn(guild: int, *, on: bool) -> Step:
    def step(world: World) -> None:
        world.store.guilds.change(guild, {"page": on}, 9)
        (world.on.add if on else world.on.discard)(guild)

    return step


def _leave(guild: int, *, leaves: bool) -> Step:
    def step(world: World) -> None:
        if leaves:
            world.store.guilds.leave(guild, AT)
            world.left.add(guild)
        else:
            world.store.guilds.come_back(guild)
            world.left.discard(guild)

    return step


def _erase(guild: int) -> Step:
    def step(world: World) -> None:
        world.store.purge.guild(guild)
        world.on.discard(guild)
        world.left.discard(guild)

    return step


@st.composite
def _steps(draw: st.DrawFn) -> Step:
    guild, note_id, yes = draw(_GUILDS), draw(_NOTES), draw(st.booleans())
    member = draw(st.sampled_from([*MEMBERS.values()]))
    by = draw(st.sampled_from(PageVeto))

    def in_store(change: Callable[[Store], Any]) -> Step:
        return lambda world: change(world.store) and None

    steps = [
        _propose(guild, member, told=yes or note_id > 1, off=yes and note_id == 3),
        _revise(guild, note_id, member, told=yes),
        *[_approve(guild, edited=yes)] * 2,
        _turn(guild, on=yes or note_id > 1),
        *[_keep_off(guild, note_id, by, vetoed=yes)] * 2,
        _release(guild),
        _roll_back(guild, note_id),
        *[_forget(member.id, withdraw=yes)] * 2,
        _leave(guild, leaves=yes),
        _erase(guild),
        in_store(lambda store: store.contributions.withdraw(guild, note_id, member.id)),
        in_store(lambda store: store.decisions.retire(guild, note_id, MODERATOR)),
        in_store(lambda store: store.decisions.restore(guild, note_id, MODERATOR)),
        in_store(lambda store: store.decisions.undo(guild, note_id, MODERATOR)),
    ]
    return draw(st.sampled_from(steps))


def _said(site: Site) -> dict[str, str]:
    return {note.address: note.text for note in site.notes}


_BEGINNING: list[Step] = [
    _turn(GUILD, on=True),
    _propose(GUILD, MIRA, told=True, off=False),
    _propose(GUILD, ADA, told=True, off=False),
    _propose(ELSEWHERE, MIRA, told=True, off=False),
    _approve(GUILD, edited=False),
    _approve(ELSEWHERE, edited=False),
    _revise(GUILD, 1, BEN, told=True),
    _approve(GUILD, edited=False),
]


@given(st.lists(_steps(), max_size=25))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_site_has_exactly_the_guilds_public_notes(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "community.db") as store:
        world = World(store)
        for step in (*_BEGINNING, *steps):
            step(world)
            for guild in GUILDS:
                site = site_of_guild(store, guild, "Club")
                assert _said(site) == world.expected(guild)
                shown = {int(note.address.split("/")[1]) for note in site.notes}
                assert store.public_notes.on_page(guild, range(1, 30)) == shown
                assert not shown & {int(one.split("/")[1]) for one in site.gone}
                linked = {address for note in site.notes for address in note.related}
                assert linked <= _said(site).keys()
        assert store.audit_log.contradicted_notes() == []


# Single cases.


def _live(store: Store, submission: Submission, **options: Any) -> int:
    note = store.contributions.propose(GUILD, MIRA, 5, submission, for_page=True, **options).note
    store.decisions.decide(GUILD, note.revision.id, ADA, APPROVE)
    return note.id


SAID = Submission("GPU hours", "Forty a month. Key: ghp_" + "a1B2" * 9, ("gpu", "club"))


@pytest.fixture
def on(store: Store) -> Store:
    store.guilds.change(GUILD, {"page": True, "page_welcome": "Hi"}, 9)
    return store


def test_site_has_the_guilds_settings(on: Store) -> None:
    _live(on, SAID, pictures=[picture(2)])
    site = site_of_guild(on, GUILD, "Club", invite="https://discord.gg/x", base_url="https://a.org")
    [note] = site.notes
    assert (site.name, site.welcome, site.accent) == ("Club", "Hi", DEFAULT_ACCENT)
    assert (site.indexed, site.invite, site.base_url) == (
        False,
        "https://discord.gg/x",
        "https://a.org",
    )
    assert (note.title, note.text, note.tags) == (SAID.title, SAID.text, SAID.tags)
    assert note.contributor is None
    [shown] = note.pictures
    assert on.pictures.by_digest(shown.digest) == picture(2)


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [(PageName.NAME, "Mira"), (PageName.INITIAL, "M."), (PageName.NOBODY, None)],
)
def test_contributors_have_chosen_names(on: Store, chosen: PageName, shown: str | None) -> None:
    _live(on, SAID)
    before = on.public_notes.version(GUILD)
    on.public_notes.choose_name(MIRA.id, PageName.NAME)
    on.public_notes.choose_name(MIRA.id, chosen)
    assert site_of_guild(on, GUILD, "Club").notes[0].contributor == shown
    assert on.public_notes.name_of(MIRA.id) is chosen
    assert (on.public_notes.version(GUILD) == before) == (chosen is PageName.NOBODY)


def test_author_of_an_extension_is_named(on: Store) -> None:
    note_id = _live(on, SAID)
    longer = Submission("GPU hours", "Forty a month, and ten more.", ("gpu",))
    extended = some(on.contributions.revise(GUILD, note_id, BEN, longer, for_page=True))
    on.decisions.decide(GUILD, extended.note.revision.id, ADA, APPROVE)
    on.public_notes.choose_name(BEN.id, PageName.NAME)
    assert site_of_guild(on, GUILD, "Club").notes[0].contributor == "Ben"
    on.public_notes.choose_name(MIRA.id, PageName.INITIAL)
    assert site_of_guild(on, GUILD, "Club").notes[0].contributor == "M., Ben"


def test_revision_keeps_the_first_and_previous_day(on: Store) -> None:
    note_id = _live(on, SAID)
    [first] = site_of_guild(on, GUILD, "Club").notes
    assert first.replaces is None
    assert first.first_published == first.updated
    later = some(
        on.contributions.revise(GUILD, note_id, MIRA, Submission("A", "b c"), for_page=True)
    )
    assert site_of_guild(on, GUILD, "Club").notes == (first,)
    on.decisions.decide(GUILD, later.note.revision.id, ADA, APPROVE)
    [second] = site_of_guild(on, GUILD, "Club").notes
    assert (second.address, second.first_published) == (first.address, first.first_published)
    assert second.replaces == first.updated.date()
    assert second.updated > first.updated


def test_site_counts_only_public_questions(on: Store) -> None:
    note_id = _live(on, SAID)
    hit = RecordedHit(f"note:{note_id}", "GPU hours", "", "Forty", 0.9, ("meaning",))
    asked = [
        Question(0, GUILD, 5, 7, "how?", Evidence.STRONG, AT, 1, [hit], private=private)
        for private in (False, True, False)
    ]
    on.question_records.record(asked)
    assert site_of_guild(on, GUILD, "Club").notes[0].asked_count == 2


def test_notes_with_a_rare_tag_are_related_first(on: Store) -> None:
    ids = [
        _live(on, Submission(f"T{number}", f"Text {number}", tags))
        for number, tags in enumerate([("a", "x"), ("a",), ("a",), ("a", "x"), ("b",)])
    ]
    notes = {note.address: note for note in site_of_guild(on, GUILD, "Club").notes}
    first, second, third, fourth, last = map(note_address, ids)
    assert notes[first].related == (fourth, second, third)
    assert notes[last].related == ()


def test_withdrawn_note_is_listed_as_gone(on: Store) -> None:
    note_id = _live(on, SAID)
    never = on.contributions.propose(GUILD, MIRA, 5, SAID, for_page=True).note
    on.decisions.decide(GUILD, never.revision.id, ADA, Ruling(Decision.REJECT, "No."))
    before = on.public_notes.version(GUILD)
    on.contributions.withdraw(GUILD, note_id, MIRA.id)
    site = site_of_guild(on, GUILD, "Club")
    assert (site.notes, site.gone) == ((), (note_address(note_id),))
    assert on.public_notes.version(GUILD) != before


def test_forgotten_contributor_changes_the_pages_version(on: Store) -> None:
    _live(on, SAID)
    before = on.public_notes.version(GUILD)
    on.personal_data.forget(MIRA.id, withdraw=False)
    assert site_of_guild(on, GUILD, "Club").notes == ()
    assert on.public_notes.version(GUILD) != before


def test_changed_text_is_not_released(on: Store) -> None:
    note = on.contributions.propose(GUILD, MIRA, 5, SAID).note
    on.decisions.decide(GUILD, note.revision.id, ADA, APPROVE)
    [shown] = on.public_notes.unreleased(GUILD, 9)
    later = some(on.contributions.revise(GUILD, note.id, MIRA, Submission("A", "b c")))
    on.decisions.decide(GUILD, later.note.revision.id, ADA, APPROVE)
    assert on.public_notes.release(GUILD, [shown.revision_id], ADA.id) == 0
    assert site_of_guild(on, GUILD, "Club").notes == ()


def test_no_guild_decides_on_notes_of_another(on: Store) -> None:
    note = on.contributions.propose(GUILD, MIRA, 5, SAID).note
    on.decisions.decide(GUILD, note.revision.id, ADA, APPROVE)
    assert on.public_notes.release(ELSEWHERE, [note.revision.id], ADA.id) == 0
    veto = PageVeto.MODERATOR
    assert on.public_notes.set_veto(ELSEWHERE, note.id, ADA, veto, vetoed=True) is None
    assert some(on.notes.latest(GUILD, note.id)).off_page == frozenset()


def test_members_public_notes_are_counted(store: Store) -> None:
    assert store.public_notes.number_of_member(MIRA.id) is None
    store.guilds.save_settings(GuildSettings(GUILD, page=True), MODERATOR.id)
    for number in range(2):
        said = Submission(f"Title {number}", "They leave at nine.")
        note = store.contributions.propose(GUILD, MIRA, 5, said, for_page=number == 0).note
        store.decisions.decide(GUILD, note.revision.id, ADA, APPROVE)
    assert store.public_notes.number_of_member(MIRA.id) == 1
    assert store.public_notes.number_of_member(BEN.id) == 0
    store.public_notes.set_veto(GUILD, 1, MIRA, PageVeto.WRITER, vetoed=True)
    assert store.public_notes.number_of_member(MIRA.id) == 0

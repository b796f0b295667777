"""Messages and servers with the most hostile text that members can type."""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simcord import InteractionResult, MemberActor

from bot.answers.outcome import Answer, Quote, Refusal, Reply, citation
from bot.answers.places import Place
from bot.answers.search_tiers import ArticlesUse
from bot.answers.sections import Section
from bot.ask import messages as ask_messages
from bot.ask.explanation import why
from bot.ask.service import OpenedSection
from bot.gaps import messages as gaps_messages
from bot.gaps.service import Group
from bot.interactions.autocomplete import Choices
from bot.notes import messages as notes_messages
from bot.notes.messages import Filter
from bot.notes.service import VisibleNote
from bot.review import cards as review_cards
from bot.review import messages as review_messages
from bot.review.actions import Action, confirmation
from bot.review.impact import AnswerSummary, ChangedQuestion, Impact
from bot.review.service import CardData, LogLine
from bot.review.similar_notes import Closeness, SimilarDocument
from bot.setup import messages as setup_messages
from bot.setup import panel_messages
from bot.setup import service as setup_service
from bot.setup.settings import SETTINGS
from bot.sources import messages as sources_messages
from bot.sources.channel_sync_steps import ChannelReport
from bot.sources.service import ArticlesReport, Overview
from bot.statistics import messages as community_messages
from bot.text import error_messages
from bot.text.markdown import (
    LAYOUT_CHARACTERS,
    MESSAGE_CHARACTERS,
    beginning,
    quoted_parts,
    safe_markdown,
    shorten,
    size,
    split,
)
from indexer.contradictions.detector import Contradiction, Statement
from indexer.contradictions.quantities import Subject
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from knowledge.corpus import SourceState
from knowledge.discord_archive.archive import ArchivedChannel, Counts, ProgressMessage, SyncStage
from knowledge.review.risk_flags import flags
from knowledge.store.audit_log import LogEntry
from knowledge.store.figures import Activity, Contributor
from knowledge.store.notes.note_records import ListedNote
from knowledge.values.documents import SHARED, Failure, Kind
from knowledge.values.guilds import Language, Rule, SyncedContent
from knowledge.values.notes import (
    Decision,
    Note,
    NoticeEvent,
    Obstacle,
    Problem,
    Report,
    Review,
    Revision,
    SourceChange,
    SourceMessage,
    State,
)
from knowledge.values.questions import Evidence, OpenQuestion, Question, RecordedHit
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import TEXT_CHARACTERS, Submission
from tests.bot import strictness
from tests.bot.message_parts import buttons, text_of
from tests.bot.spoken import said_in
from tests.bot.strictness import units
from tests.bot.values import in_one
from tests.bot.world import World

EXTREMES: Final = {
    "emoji": "\U0001f600" * 4_000,
    "families": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 800,
    "hands of many colours": "\U0001f44b\U0001f3fe" * 2_000,
    "flags": "\U0001f1e9\U0001f1ea" * 2_000,
    "marks upon marks": "a" + "\u0301" * 4_000,
    "accents of two signs": "e\u0301" * 3_000,
    "nothing that can be seen": "x\u200b\u200c\ufeff\u2060" * 1_000,
    "turned round": "\u202e\u2066abc\u2069 " * 500,
    "right to left": "שלום עליכם " * 500,
    "backticks": "`" * 4_000,
    "backticks with text": "`` a ` b ``` c ```` d\n" * 250,
    "fences": "```py\nx = 1\n" * 400,
    "a fence in a quotation": "> ```\n> code\n" * 300,
    "a long line": "word" * 1_500,
    "a long line in a fence": f"```\n{'x' * 5_900}\n```",
    "links": "https://a.org/path " * 300,
    "masked links": "[bank.org](https://evil.org/x) " * 180,
    "a long link": f"https://a.org/{'x' * 5_900}",
    "pings": "@everyone @here <@1> <@&1> <#1> " * 150,
    "times and commands": "<t:now:R> </ask:0> <id:home> <:a:1> <a:b:2> " * 120,
    "headings": "# Big\n## Less\n-# small\n" * 250,
    "spoilers": "||a|| | b || c\n" * 350,
    "a table": "| a | b |\n|---|---|\n" * 280,
    "quotations in quotations": "> > >>> deep\n" * 400,
    "marks that open only": "**a __b ~~c *d _e ||f `g\n" * 200,
    "backslashes": "\\" * 4_000,
    "brackets": "[](" * 1_500,
    "lines of nothing": "a" + "\n" * 4_000 + "b",
    "white space of all kinds": "\u00a0\u2003\u3000\u2028\u2029a" * 800,
    "control signs": "\x00\x01\x1b[31mred\x7f\r" * 400,
    "half a pair": "a\ud83d" * 1_000,
    "marks all over": "".join(f"a\u0351\u036b\u0353b\u032a{chr(0x0300 + n)}" for n in range(100)),
}

# Any of them, a part of one, or several beside each other.
TEXTS: Final = st.lists(
    st.tuples(st.sampled_from(sorted(EXTREMES.values())), st.integers(1, 6_000)).map(
        lambda pair: pair[0][: pair[1]]
    ),
    min_size=1,
    max_size=3,
).map("".join)


def at_most(characters: int) -> st.SearchStrategy[str]:
    """Extreme texts that something takes which takes so many characters."""
    return TEXTS.map(lambda text: f"x{text}"[:characters])


def badly_shown(content: str, most: int = 2_000) -> list[str]:
    """What is wrong with a message of extreme texts, which may have so many characters."""
    found = []
    if not content.strip():
        found.append("nothing is shown")
    if units(content) > most:
        found.append(f"{units(content)} characters")
    if content.replace("\\`", "").count("```") % 2:
        found.append("a fence is left open")
    if re.search("[\ud800-\udfff\0]", content):
        found.append("a sign that is none")
    outside = re.sub(r"(?<!\\)```.*?```", "", content, flags=re.DOTALL)
    if re.search(
        r"(?<!\\)(@(everyone|here)|<@&?1>|<#1>|<t:now:R>|</ask:0>|<id:home>|<a?:\w:\d>)", outside
    ):
        found.append("something is a mention, a time or a command")
    if re.search("[\u202a-\u202e\u2066-\u2069]", content):
        found.append("text is turned round")
    return found


def badly_cut(text: str, pieces: list[str]) -> list[str]:
    """Where what is seen as one sign in a text is cut between two pieces of it."""
    found = []
    for before, after in itertools.pairwise(pieces):
        ending = re.sub(r"\n(> )?```$", "", before)
        tail = ending[-1:]
        head = re.sub(r"^(> )?```\w*\n", "", after).removeprefix("> ")[:1]
        heaped = all(unicodedata.category(sign).startswith("M") for sign in ending[-30:])
        if not head or heaped or tail + head not in text:
            continue
        if unicodedata.category(head).startswith("M") or "\u200d" in (head, tail):
            found.append(f"{before[-5:]!r} {after[:5]!r}")
        if (len(ending) - len(ending.rstrip("\\"))) % 2 and not head.isspace():
            found.append(f"what a backslash makes plain is no longer: {after[:5]!r}")
        if "\U0001f3fb" <= head <= "\U0001f3ff":
            found.append(f"a hand loses its colour: {after[:5]!r}")
        letters = re.search("[\U0001f1e6-\U0001f1ff]*$", ending)
        if "\U0001f1e6" <= head <= "\U0001f1ff" and letters and len(letters[0]) % 2:
            found.append(f"a flag is torn: {after[:3]!r}")
    return found


# Texts of one server: the nickname, title, note, reason and question each begin with another one.
SERVERS = [
    ["emoji", "backticks with text", "masked links", "pings", "fences"],
    ["families", "times and commands", "headings", "spoilers", "a table"],
    ["marks upon marks", "turned round", "quotations in quotations", "marks that open only"],
]

LOOKED_AT: list[tuple[str, dict[str, Any]]] = [
    ("note mine", {}),
    ("note show", {"note": "1"}),
    ("review", {}),
    ("gaps", {}),
    ("stats", {}),
    ("privacy", {}),
]


async def everything_clicked(
    actor: MemberActor, result: InteractionResult, besides: set[str]
) -> None:
    """Press every button of a response, one after another, and leave the forms that open."""
    if result.response is None:
        return
    for label in buttons(result.response):
        if label not in besides:
            await actor.click(result.response, label=label)


def most(message: Any) -> int:
    """Discord's limit for what a message says."""
    return MESSAGE_CHARACTERS if message.content else LAYOUT_CHARACTERS


@pytest.mark.parametrize("kinds", SERVERS)
async def test_hostile_text_is_shown_within_limits(world: World, kinds: list[str]) -> None:
    texts = itertools.cycle(EXTREMES[kind] for kind in kinds)

    def typed(start: str, most: int) -> str:
        """Two of the texts, each half as long as allowed."""
        half = (most - len(start)) // 2
        return f"{start}{next(texts)[:half]}{next(texts)[:half]}"

    def title(start: str) -> str:
        # Further lines of a title would be synonyms.
        return " ".join(typed(start, 100).split())

    backend = world.env.backend
    for actor in (world.member, world.moderator):
        backend.edit_member(world.guild.id, actor.id, {"nick": typed("x", 32).strip()})
    backend.edit_guild(world.guild.id, {"name": typed("x", 100).strip()})

    await world.propose(title("x "), typed("Wagadugu is here. ", 4_000))
    await world.moderator.click(world.card, label="What would change?")
    await world.moderator.click(world.card, label="Approve")
    await world.propose_as(world.second_member, title("y "), typed("Zanzibar ferries. ", 4_000))
    form = await world.moderator.click(world.card, label="Reject")
    await world.moderator.submit_modal(form, {"reason": typed("No. ", 500)})
    refused = await world.ask(typed("Timbuktu ", 300), by=world.second_member)
    answered = await world.ask(typed("Wagadugu ", 300), private=True)
    await everything_clicked(world.member, refused, set())
    await everything_clicked(world.member, answered, {"Share"})
    for command, options in LOOKED_AT:
        result = await world.moderator.slash(world.general, command, **options)
        assert result.response is not None
        assert badly_shown(text_of(result.response), most(result.response)) == []

    for channel in (world.general, world.review, world.member.user.dm_channel):
        for message in channel.history():
            if message.author.bot:
                assert badly_shown(text_of(message), most(message)) == []
                assert [user.id for user in message.mentions] in (
                    [],
                    [world.member.id],
                    [world.second_member.id],
                )
                assert message.raw_role_mentions == []
                assert not message.mention_everyone


WHEN = datetime(2026, 3, 4, tzinfo=UTC)
FEW = settings(max_examples=min(40, settings().max_examples))

NAMES, TITLES, REASONS = at_most(32), at_most(100), at_most(500)
TAGS = st.just(("\U00020000" * 30,) * 5)
LINK = "https://a.org/" + "x" * 490

SUBMISSIONS = st.builds(Submission, TITLES, at_most(6_000), TAGS, st.just(LINK))


def _shown_well(contents: Sequence[str], most: int = MESSAGE_CHARACTERS) -> None:
    found = {problem: content for content in contents for problem in badly_shown(content, most)}
    assert not found


@st.composite
def notes(draw: st.DrawFn) -> Note:
    """A note with the worst of everything in it."""
    state = draw(st.sampled_from(State))
    decision = {
        State.APPROVED: Decision.APPROVE,
        State.REJECTED: draw(st.sampled_from([Decision.REJECT, Decision.DUPLICATE])),
        State.CHANGES_REQUESTED: Decision.REQUEST_CHANGES,
    }.get(state, Decision.APPROVE)
    # As many approvals as a rule can ask for.
    reviews = tuple(
        Review(7, n, draw(NAMES), decision, draw(REASONS), WHEN, duplicate_of=draw(TITLES))
        for n in range(draw(st.sampled_from([0, 1, 10])))
    )
    revision = Revision(7, 1, 99, draw(SUBMISSIONS), state, WHEN, writer_id=3, writer=draw(NAMES))
    live = 7 if state is State.APPROVED and draw(st.booleans()) else None
    report = Report(1, 1, 4, Problem.WRONG, draw(REASONS), WHEN)
    return Note(
        2**53,
        2**62,
        1,
        draw(NAMES),
        5,
        revision,
        reviews,
        card=(2**62, 2**62),
        live_revision_id=live,
        retired_revision_id=None if live else draw(st.sampled_from([None, 7])),
        reports=(report,) * draw(st.sampled_from([0, 4])),
        verified_at=WHEN,
        review_at=WHEN,
        source=SourceMessage(2**62, 2, SourceChange.EDITED),
        latest_revision_id=7,
    )


@st.composite
def near_ones(draw: st.DrawFn) -> SimilarDocument:
    """Texts similar to a note."""
    text = draw(at_most(300))
    statement = Statement(text, 0, len(text), ((0, 1), (len(text) // 2, len(text))))
    return SimilarDocument(
        "note:1",
        Kind.NOTE,
        draw(TITLES),
        LINK,
        0.9,
        Closeness.SAME,
        contradictions=(Contradiction(Subject.NUMBER, statement, statement, 0.9),),
    )


# Cutting.


@FEW
@given(TEXTS, st.integers(0, 200))
def test_a_beginning_fills_its_limit_and_splits_nothing(text: str, most: int) -> None:
    first = beginning(text, most)
    assert text.startswith(first)
    assert size(first) <= most
    assert size(text) <= most or size(first) >= most - 40
    assert badly_cut(text, [first, text[len(first) :]]) == [] or not first


@FEW
@given(TEXTS)
def test_size_is_what_the_strictest_client_counts(text: str) -> None:
    assert size(text) == strictness.units(text)


@pytest.mark.parametrize("text", EXTREMES.values(), ids=EXTREMES.keys())
@pytest.mark.parametrize("limit", [2_000, 400])
def test_long_extremes_are_split_as_they_are_shown(text: str, limit: int) -> None:
    for pieces in (split(safe_markdown(text), limit), quoted_parts(safe_markdown(text), limit)):
        _shown_well(pieces)
        assert all(size(piece) <= limit for piece in pieces)
        assert badly_cut(safe_markdown(text), pieces) == []


@FEW
@given(TEXTS)
def test_mixed_extremes_are_split_as_they_are_shown(text: str) -> None:
    pieces = quoted_parts(safe_markdown(text), 700)
    _shown_well(pieces)
    assert badly_cut(safe_markdown(text), pieces) == []


@pytest.mark.parametrize("limit", [400, 401])
def test_escaped_text_stays_plain_where_it_is_cut(limit: int) -> None:
    text = safe_markdown("x" + "`" * 3_000)
    assert badly_cut(text, split(text, limit)) == []


# Answers.


def _passage(text: str, title: str, name: str) -> StoredPassage:
    return StoredPassage(
        id=1,
        document_id="note:1",
        scope=SHARED,
        kind=Kind.NOTE,
        position=0,
        title=title,
        heading=title,
        text=text,
        link=LINK,
        tags=(),
        contributor=name,
        verified=date(2026, 3, 4),
        revision=1,
        approved_by=name,
    )


@FEW
@given(REASONS, st.lists(at_most(3_000), min_size=1, max_size=5), TITLES, NAMES)
# A line of which each sign is escaped has no place to cut.
@example("x", ["x" + 2_999 * "\\"], "x", "x")
def test_answer_is_one_message_with_best_passage(
    question: str, texts: list[str], title: str, name: str
) -> None:
    quotes = []
    for text in texts:
        passage = _passage(text, title, name)
        hit = Hit(passage, 0.9, 0.8, 0.8, 0.5, ("meaning",))
        quotes.append(Quote(text, citation(passage), hit))
    asked = OpenQuestion(1, 2, 3, 4, question, "", WHEN, Evidence.NONE, satisfied=False)
    lead = gaps_messages.answer_lead(asked, title, private=True)
    places = tuple(Place((quote.hit,) * 2, quote.text.split("\n")[:3]) for quote in quotes[:3])
    missing = (question[:40],) * 3
    unsure = Answer(Evidence.PARTIAL, tuple(quotes), places, missing)
    sure = Answer(Evidence.STRONG, tuple(quotes))
    for language in Language:
        refused = said_in(language, ask_messages.answer, Reply(question, Refusal()), lead)
        for outcome in (sure, unsure):
            reply = Reply(question, outcome, foreign="de")
            said = said_in(language, ask_messages.answer, reply, lead)
            # Each text display is looked at by itself; together they are one message.
            parts = [part for one in said.quotations for part in (one.text, one.cited)]
            _shown_well([said.head, *parts, *said.places, refused.head], LAYOUT_CHARACTERS)
            assert bool(said.places) is not outcome.is_sure
            assert size(in_one(said)) <= LAYOUT_CHARACTERS


@FEW
@given(REASONS, st.lists(at_most(3_000), min_size=1, max_size=5), TITLES)
def test_whole_passages_and_reasons_are_shown(text: str, passages: list[str], title: str) -> None:
    hits = [
        RecordedHit(
            *("note:1", title, title, passage, 0.9, ("meaning", "words"), LINK),
            revision=2,
            approved_by=title,
        )
        for passage in passages
    ]
    question = Question(1, 2, 3, 4, text, Evidence.STRONG, WHEN, 12, hits)
    for language in Language:
        found = _passage(passages[0], title, title)
        told = said_in(language, why, question, moderator=True)
        opened = OpenedSection(found, Section(found.text, 0))
        page = said_in(language, ask_messages.section_page, opened, 0)
        _shown_well(page.parts, LAYOUT_CHARACTERS)
        _shown_well(told)


# Notes.


@FEW
@given(
    notes(),
    notes(),
    st.lists(near_ones(), max_size=3),
    st.sampled_from(Action),
    st.sampled_from(Language),
)
def test_a_card_fits_with_everything_there_is_to_say(
    note: Note, before: Note, near: list[SimilarDocument], action: Action, language: Language
) -> None:
    impact = Impact(
        10,
        10,
        (ChangedQuestion("a", 1, AnswerSummary(Evidence.NONE), AnswerSummary(Evidence.NONE)),),
    )
    found = tuple(flags(note.revision.submission.text, ()))
    findings = CardData({"approved": 3, "rejected": 1}, None, 10, found, tuple(near))
    said = [
        said_in(language, confirmation, before, action, 10),
        *(said_in(language, review_messages.obstacle, before, why, 10) for why in Obstacle),
    ]
    messages = [
        *said,
        said_in(language, notes_messages.note_submitted, note),
        said_in(language, review_cards.status_line, note, 10),
    ]
    head = said_in(language, review_messages.queue_header, note, (1, 3), WHEN, max(said, key=size))
    for known in (findings, replace(findings, before=before)):
        room = LAYOUT_CHARACTERS - size(head)
        card = said_in(language, review_cards.card, note, WHEN, known, room, impact=impact)
        assert size("".join([head, *card.texts])) <= LAYOUT_CHARACTERS
        _shown_well([head, *card.texts], LAYOUT_CHARACTERS)
    _shown_well(messages)


@FEW
@given(notes(), notes(), st.sampled_from(NoticeEvent), st.sampled_from(Language))
def test_a_contributor_is_told_in_messages(
    note: Note, before: Note, event: NoticeEvent, language: Language
) -> None:
    told = said_in(language, review_messages.notice_parts, note, event, before)
    _shown_well(told)
    # In a channel, the first one names its reader.
    _shown_well([f"<@{2**62}> {told[0]}"])


@FEW
@given(st.lists(notes(), min_size=1, max_size=9), st.sampled_from(Language))
def test_what_contributors_are_shown_fits(listed: list[Note], language: Language) -> None:
    mine = [(note, 10) for note in listed]
    page = said_in(language, notes_messages.page_of_own_notes, mine, Filter.ALL, 0, with_cards=True)
    note, other = listed[0], listed[-1]
    contents = [page.content, said_in(language, notes_messages.revision_card, listed, 0).content]
    contents += [said_in(language, notes_messages.revision_card, [note, other], 1).content]
    contents += [
        card.content
        for card in said_in(language, notes_messages.note_cards, VisibleNote(note, other, 10))
    ]
    contents += [
        said_in(language, notes_messages.ask_to_withdraw, note),
        said_in(language, notes_messages.confirm_withdrawal, note),
        said_in(language, notes_messages.confirm_report, note, Problem.WRONG),
        said_in(language, notes_messages.introduce_file, note),
    ]
    _shown_well(contents)


@FEW
@given(st.lists(near_ones(), min_size=1, max_size=3), st.sampled_from(Language))
def test_near_texts_are_asked_about_once(near: list[SimilarDocument], language: Language) -> None:
    asked = said_in(language, notes_messages.ask_about_similar, near)
    _shown_well([asked, said_in(language, notes_messages.confirm_same, asked)])
    for one in near:
        label = said_in(language, notes_messages.extend_label, one)
        button = {"type": 2, "style": 2, "custom_id": "a", "label": label}
        assert list(strictness.component(button)) == []


# Listings.


@FEW
@given(st.lists(REASONS, min_size=4, max_size=9), NAMES, TITLES, st.sampled_from(Language))
def test_listings_fit_as_text(asked: list[str], name: str, title: str, language: Language) -> None:
    questions = [
        OpenQuestion(n, 2, 3, 4, text, "", WHEN, Evidence.PARTIAL, satisfied=False)
        for n, text in enumerate(asked)
    ]
    groups = [Group((question,) * 99, question, awaited=True) for question in questions]
    counted = dict.fromkeys(Evidence, 12_345)
    activity = Activity(counted, 1, 2, 3, 4, 5, ((title, 12_345),) * 5)
    lines = [
        LogLine(LogEntry(n, WHEN, 2, n, 5, "rejected", "revision:1", "{}"), 2**62, title, text)
        for n, text in enumerate(asked * 4)
    ]
    board = [Contributor(name, 12_345, 12_345)] * 12
    counts = {"documents": 1, "passages": 2, "generation": 3}
    _shown_well(
        [
            said_in(language, gaps_messages.page_of_gaps, groups, 0).content,
            said_in(language, gaps_messages.confirm_dismissal, groups[:1]),
            said_in(
                language, community_messages.leaderboard, board, community_messages.Period.ALL, 0
            ).content,
            said_in(language, community_messages.stats, activity),
            said_in(
                language,
                review_messages.log_page,
                lines[: said_in(language, review_messages.count_fitting_lines, lines)],
            ),
            said_in(
                language, review_messages.rules, [Rule(tag, 10, 3_650, 2**62) for tag in asked * 9]
            ),
            said_in(language, community_messages.about, "1.0", counts, title, WHEN),
        ]
    )


@FEW
@given(st.lists(st.tuples(TITLES, REASONS), min_size=1, max_size=4), st.sampled_from(ArticlesUse))
def test_sources_are_listed_on_pages_that_fit(
    named: list[tuple[str, str]], standing: ArticlesUse
) -> None:
    """The state of the articles is a line without members' text, so examples draw one each."""
    counts = Counts(12_345, 12, 12_345, 12_345)
    channels, others = [], []
    for name, reason in named:
        heard = ArchivedChannel(
            2**62,
            2,
            name,
            SyncedContent.THREADS,
            SyncStage.READING,
            1,
            "",
            WHEN,
            None,
            ProgressMessage(1, 2),
        )
        channels.append(ChannelReport(heard, counts, ((name, reason),) * 5))
        failures = (Failure(name, reason, "file:1"),) * 5
        others.append(SourceState(name, SHARED, 1, 2, WHEN, failures))
    sources = Overview(channels, others, ArticlesReport(1, standing))
    for language in Language:
        page = said_in(language, partial, sources_messages.source_list, sources)
        first = page(0)
        pages = [first, *map(page, range(1, first.count))]
        _shown_well([page.content for page in pages])


@FEW
@given(st.lists(TITLES, min_size=1, max_size=50), notes())
def test_what_publishing_would_change_is_listed_in_messages(titles: list[str], note: Note) -> None:
    changes = tuple(
        ChangedQuestion(
            title, 12, AnswerSummary(Evidence.NONE), AnswerSummary(Evidence.STRONG, "d", title)
        )
        for title in titles
    )
    for language in Language:
        _shown_well(said_in(language, review_messages.impact, note, Impact(100, 100, changes)))


def state(hosts: list[str]) -> setup_service.State:
    sources = Overview((), (), ArticlesReport(0, ArticlesUse.OFF))
    return setup_service.State(
        GuildSettings(1, allowed_hosts=tuple(hosts)), 1, {}, {}, sources, 0, ()
    )


@FEW
@given(st.lists(at_most(253), max_size=60))
def test_any_typed_host_is_told_in_one_message(hosts: list[str]) -> None:
    for language in Language:
        setting = SETTINGS["hosts"]
        value = said_in(language, panel_messages.value, state(hosts), setting, private=False)
        _shown_well([said_in(language, panel_messages.line, setting, value, "default")])
        _shown_well([said_in(language, setup_messages.no_hosts, hosts)])


@FEW
@given(REASONS, at_most(4_000))
def test_typed_text_comes_back_as_message_or_file(sentence: str, text: str) -> None:
    typed = error_messages.typed_text([("title", sentence), ("text", text)])
    said, as_file = error_messages.given_back(error_messages.UNKNOWN_FORM.english, typed)
    assert size(said) <= strictness.CONTENT
    assert as_file or typed in said


# While typing, and in forms.


def _listed(titles: Sequence[str]) -> Iterator[ListedNote]:
    for number, title in enumerate(titles, start=1):
        yield ListedNote(number, 1, title, State.PENDING, title, ("\U00020000" * 30, "a" * 30))


@FEW
@given(st.lists(TITLES, min_size=1, max_size=40), at_most(60))
def test_discord_takes_what_is_offered_while_typing(titles: list[str], typed: str) -> None:
    choices = Choices(list(_listed(titles)))
    for words in (typed, "", "x"):
        for offered in (choices.own(1, words), choices.visible(1, words), choices.tag(words)):
            sent: list[Any] = [{"name": one.name, "value": one.value} for one in offered]
            assert list(strictness.choices(sent)) == []


@FEW
@given(at_most(TEXT_CHARACTERS))
def test_a_shortened_line_keeps_its_limit(text: str) -> None:
    line = shorten(text, 45)
    assert size(line) <= 45
    assert "\n" not in line

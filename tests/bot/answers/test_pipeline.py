"""What is answered: `decide` with plain values, and a pipeline over a real index."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bot.answers.ask import Ask, Lookup
from bot.answers.outcome import (
    Answer,
    Clarification,
    Quote,
    Refusal,
    Reply,
    State,
    citation,
    conflicts,
)
from bot.answers.pipeline import AnswerPipeline, Found
from bot.answers.question_checks import QUESTION_CHARACTERS, problem_with
from bot.answers.quotations import quoted_page
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document, update
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Document, Kind, Scope, channel_scope
from knowledge.values.questions import EARLIER_CHARACTERS, Evidence
from tests.bot.values import file_passage
from tests.fakes import WordEmbedder
from tests.refused import refused_questions

GUILD, OTHER = 10, 11
STAFF, HELPERS = 21, 22


# Deciding.


@pytest.mark.parametrize("text", ["", "  \n", "?!", "…", "🙂"])
def test_what_has_no_word_is_no_question(text: str) -> None:
    assert "I need some words" in problem_with(text)


def test_6000_characters_are_refused_with_the_limit() -> None:
    assert "6,000 characters; the limit is 2,000" in problem_with("a" * 6_000)
    assert problem_with("a" * QUESTION_CHARACTERS) == ""


@pytest.mark.parametrize(
    ("guild_id", "scopes"), [(None, (SHARED,)), (GUILD, (SHARED, Scope(GUILD)))]
)
def test_askers_see_shared_and_own_documents(
    guild_id: int | None, scopes: tuple[Scope, ...]
) -> None:
    assert Ask("q", 1, guild_id).scopes == scopes


def test_order_and_repeats_of_readable_channels_mean_nothing() -> None:
    scopes = (SHARED, Scope(GUILD), channel_scope(3), channel_scope(9))
    assert Ask("q", 1, GUILD, channels=(9, 3, 9)).scopes == scopes
    assert Ask("q", 1, GUILD, channels=(3, 9)).scopes == scopes


def test_unstorable_signs_and_ids_are_refused() -> None:
    assert "a broken character" in problem_with("what is \ud83d here")
    assert problem_with("what is 😀 here") == ""
    Ask("q", 2**63 - 1, 2**63 - 1)
    for asker_id, guild_id in ((2**63, 1), (1, 2**63)):
        with pytest.raises(ValueError, match="63 bits"):
            Ask("q", asker_id, guild_id)


# The pipeline.


START = "how do i start the press"
PRESS = """\
## Start the press

Turn the red key, then start the motor of the press.

## Stop the press

Pull the lever to stop the motor of the press.

## Clean the press

Brush the rollers of the press.
"""
DOCUMENTS = [
    ("bees", SHARED, "Bees make honey from nectar. They dance."),
    ("cows", SHARED, "Cows give milk and graze on meadows."),
    ("meetup", Scope(GUILD), "The secret meetup is in the cellar on Fridays."),
    ("staff", channel_scope(STAFF), "Staff make secret honey on Fridays."),
    ("helpers", channel_scope(HELPERS), "Helpers keep honey secret on Fridays."),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "community.db") as opened:
        yield opened


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(4_096)


@pytest.fixture
def pipeline(tmp_path: Path, store: Store, embedder: WordEmbedder) -> Iterator[AnswerPipeline]:
    with Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as index:
        documents = [
            Document(f"file:{name}", scope, Kind.FILE, name, text)
            for name, scope, text in DOCUMENTS
        ]
        for _ in update(index, embedder, documents):
            pass
        embedder.calls.clear()
        yield AnswerPipeline(store, index, Retriever(index, embedder), quotes=3)


@pytest.fixture
def english(pipeline: AnswerPipeline) -> AnswerPipeline:
    """Answers by a model that reads English alone."""
    retriever = replace(pipeline._retriever, languages=frozenset({"en"}))
    return AnswerPipeline(pipeline._store, pipeline._index, retriever, 3)


def test_an_unread_language_is_named_unless_the_answer_is_sure(english: AnswerPipeline) -> None:
    """In chat, "wat is" is English, too."""
    sure, unsure = english.ask(
        [Ask("wat is bees make honey", 1, GUILD), Ask("wat is een zeppelin", 1, GUILD)]
    )
    assert (sure.evidence, sure.foreign) == (Evidence.STRONG, "")
    assert (unsure.evidence is Evidence.STRONG, unsure.foreign) == (False, "nl")


def test_an_unread_language_is_named_once_per_place(english: AnswerPipeline) -> None:
    channel, other, question = 5, 6, "wat is een zeppelin"

    def named(asker: int, where: int, text: str = question, *, private: bool = False) -> str:
        [reply] = english.ask([Ask(text, asker, GUILD, where, private=private)])
        return reply.foreign

    assert [named(1, channel), named(2, channel)] == ["nl", ""]
    assert named(1, channel, "was ist ein Zeppelin und wie fliegt er") == "de"
    assert named(1, other) == "nl"
    assert [named(1, other, private=True), named(1, channel, private=True)] == ["nl", ""]


def test_no_questions_get_no_replies(pipeline: AnswerPipeline) -> None:
    assert pipeline.ask([]) == []


@pytest.mark.parametrize("text", ["", "?", "long " * 1_200])
def test_an_invalid_question_leaves_no_record(
    pipeline: AnswerPipeline, store: Store, embedder: WordEmbedder, text: str
) -> None:
    [reply] = pipeline.ask([Ask(text, 1, GUILD)])
    assert isinstance(reply.outcome, Clarification)
    assert reply.question_id is None
    assert embedder.texts == []
    assert store.counts(GUILD)["questions"] == 0


def test_an_unanswered_question_is_recorded_as_one_gap(
    pipeline: AnswerPipeline, store: Store
) -> None:
    [reply] = pipeline.ask([Ask("largest river?", 1, GUILD, 5)])
    assert reply.outcome == Refusal()
    [gap] = refused_questions(store, GUILD)
    assert (gap.id, gap.text, gap.asker_id) == (reply.question_id, "largest river?", 1)
    assert gap.channel_id == 5


def test_an_answer_is_recorded_with_its_hits(pipeline: AnswerPipeline, store: Store) -> None:
    [reply] = pipeline.ask([Ask("bees make honey", 1, GUILD)])
    assert isinstance(reply.outcome, Answer)
    assert reply.outcome.quotes[0].citation.document_id == "file:bees"
    assert reply.question_id is not None
    recorded = store.question_records.question(reply.question_id)
    assert recorded is not None
    assert recorded.evidence is reply.evidence
    assert recorded.generation == reply.generation > 0
    assert [hit.document_id for hit in recorded.hits] == [
        hit.passage.document_id for hit in reply.hits
    ]
    assert refused_questions(store, GUILD) == []


def test_names_are_missing_only_without_any_quotable_mention(pipeline: AnswerPipeline) -> None:
    question = "do bees make honey and wax in the Cellar"
    replies = pipeline.ask([Ask(question, 1), Ask(question, 1, GUILD)])
    assert [reply.evidence for reply in replies] == [Evidence.PARTIAL] * 2
    assert [reply.outcome.missing for reply in replies if isinstance(reply.outcome, Answer)] == [
        ("Cellar",),
        (),
    ]


def test_a_subject_that_is_nowhere_is_the_refusal(
    pipeline: AnswerPipeline, embedder: WordEmbedder
) -> None:
    ask = Ask("what is the wpa3?", 1)
    near = pipeline.ask([Ask("bees make honey", 1)])[0]
    lookup = Lookup(ask, list(near.hits), Evidence.STRONG, near.signals, (SHARED,))
    reply = pipeline._decide(Found(lookup, embedder.embed_queries([ask.text])[0]))
    assert reply.outcome == Refusal(unknown=("wpa3",))


def test_a_short_section_is_quoted_whole(pipeline: AnswerPipeline, embedder: WordEmbedder) -> None:
    said = " ".join(f"Jar {number} has nectar." for number in range(30))
    body = f"{said}\n\nAn amphora has yeast.\n\n- It sinks.\n- It floats."
    text = f"## Amphoras\n\n{body}\n\n## Wine\n\nWine has none."
    index_document(pipeline._index, embedder, Document("file:jar", SHARED, Kind.FILE, "jars", text))
    [reply] = pipeline.ask([Ask("an amphora has yeast", 1)])
    assert isinstance(reply.outcome, Answer)
    assert reply.state is State.SURE
    section = reply.outcome.quotes[0].section
    assert section is not None
    assert [passage.heading for passage in section.beside] == ["Wine"]
    assert quoted_page(reply.outcome.quotes[0]) == (body.replace("\n\n-", "\n-"), True)


def test_an_unsure_answer_names_three_places(
    pipeline: AnswerPipeline, embedder: WordEmbedder
) -> None:
    for number in range(4):
        text = f"Nectar {number} is thin.\n\n## More\n\nJar {number} has nectar, too."
        name, title = f"file:jar{number}", f"jar {number}"
        index_document(pipeline._index, embedder, Document(name, SHARED, Kind.FILE, title, text))
    [reply] = pipeline.ask([Ask("is the nectar of a jar frozen today by a machine", 1)])
    assert reply.state is State.UNSURE
    assert isinstance(reply.outcome, Answer)
    pages = [place.hits[0].passage.document_id for place in reply.outcome.places]
    assert len(set(pages)) == len(pages) == 3
    assert all(place.lines for place in reply.outcome.places)
    assert all(quote.section is None for quote in reply.outcome.quotes)


def test_channel_quotations_are_recorded_without_words(
    pipeline: AnswerPipeline, store: Store
) -> None:
    question = "do staff make secret honey"
    [kept, told] = pipeline.ask(
        [Ask(question, 1, GUILD, channels=(HELPERS,)), Ask(question, 1, GUILD, channels=(STAFF,))]
    )
    assert "file:staff" not in [hit.passage.document_id for hit in kept.hits]
    assert isinstance(told.outcome, Answer)
    assert told.outcome.quotes[0].text == "Staff make secret honey on Fridays."
    recorded = store.question_records.question(told.question_id or 0)
    assert recorded is not None
    assert recorded.channels == (STAFF,)
    first = recorded.hits[0]
    assert (first.document_id, first.title, first.passage) == ("file:staff", "", "")
    assert (first.source_channel_id, first.position) == (STAFF, 0)


def test_an_unwanted_record_is_not_made(pipeline: AnswerPipeline, store: Store) -> None:
    [reply] = pipeline.ask([Ask("bees make honey", 1, GUILD)], record=False)
    assert reply.question_id is None
    assert store.counts(GUILD)["questions"] == 0


@pytest.mark.parametrize("guild_id", [None, OTHER])
def test_one_guilds_knowledge_is_refused_elsewhere(
    pipeline: AnswerPipeline, guild_id: int | None
) -> None:
    question = "secret meetup cellar Fridays"
    [here] = pipeline.ask([Ask(question, 1, GUILD)])
    [elsewhere] = pipeline.ask([Ask(question, 1, guild_id)])
    assert isinstance(here.outcome, Answer)
    assert elsewhere.outcome == Refusal()
    assert all(hit.passage.scope == SHARED for hit in elsewhere.hits)


def test_waiting_questions_are_embedded_once_in_order(
    pipeline: AnswerPipeline, embedder: WordEmbedder
) -> None:
    texts = ["cows give milk", "", "bees make honey"]
    replies = pipeline.ask([Ask(text, 1, GUILD) for text in texts])
    assert embedder.calls[0] == ["cows give milk?", "bees make honey?"]
    assert [reply.question for reply in replies] == texts
    assert [type(reply.outcome) for reply in replies] == [Answer, Clarification, Answer]
    documents = [reply.hits[0].passage.document_id for reply in (replies[0], replies[2])]
    assert documents == ["file:cows", "file:bees"]


@pytest.fixture
def printing(pipeline: AnswerPipeline, embedder: WordEmbedder) -> AnswerPipeline:
    """With a document of three sections."""
    index_document(
        pipeline._index, embedder, Document("file:press", SHARED, Kind.FILE, "press", PRESS)
    )
    embedder.calls.clear()
    return pipeline


def quoted(reply: Reply) -> list[tuple[str, str]]:
    """The titles and headings of what is quoted."""
    assert isinstance(reply.outcome, Answer)
    return [(one.citation.title, one.citation.heading) for one in reply.outcome.quotes]


def test_a_follow_up_is_answered_from_another_section(printing: AnswerPipeline) -> None:
    first, then = printing.ask(
        [Ask(START, 1, GUILD), Ask("and how do i stop it again", 1, GUILD, earlier=START)]
    )

    assert quoted(first)[0] == ("press", "Start the press")
    assert quoted(then)[0] == ("press", "Stop the press")


@pytest.mark.parametrize("text", ["and the red key?", "and with the red key of the press?"])
def test_a_follow_up_repeats_nothing_just_shown(printing: AnswerPipeline, text: str) -> None:
    [reply] = printing.ask([Ask(text, 1, GUILD, earlier=START)])

    assert ("press", "Start the press") not in [
        (hit.passage.title, hit.passage.heading) for hit in reply.hits
    ]


def test_a_follow_up_may_need_another_document(printing: AnswerPipeline) -> None:
    [reply] = printing.ask([Ask("and which cows give milk?", 1, GUILD, earlier=START)])

    assert quoted(reply)[0][0] == "cows"


def test_a_follow_up_to_a_refusal_looks_everywhere(printing: AnswerPipeline) -> None:
    earlier = "zanzibar mayor elections"
    [reply] = printing.ask([Ask("and which bees dance?", 1, GUILD, earlier=earlier)])

    assert quoted(reply)[0][0] == "bees"


def test_a_question_from_elsewhere_is_no_context(printing: AnswerPipeline) -> None:
    earlier = "which staff make honey on Fridays"
    asks = [Ask("and who keeps it?", 1, GUILD, earlier=earlier, channels=(HELPERS,))]
    [reply] = printing.ask(asks)

    assert channel_scope(STAFF) not in {hit.passage.scope for hit in reply.hits}


def test_a_section_without_the_follow_ups_words_is_partial(printing: AnswerPipeline) -> None:
    [reply] = printing.ask([Ask("and afterwards?", 1, GUILD, earlier=START)])

    assert reply.hits[0].passage.title == "press"
    assert reply.evidence is not Evidence.STRONG


def test_second_follow_ups_use_both_questions(
    printing: AnswerPipeline, embedder: WordEmbedder
) -> None:
    earlier = f"{START}\nand how do i stop it?"
    [reply] = printing.ask([Ask("and clean it?", 1, GUILD, earlier=earlier)])

    assert quoted(reply)[0] == ("press", "Clean the press")
    assert embedder.calls[0] == [
        "and clean it?",
        f"{earlier[:-1]}\nand clean it?",
        "and how do i stop it?",
        f"{earlier}",
        f"{START}?",
    ]


def test_a_follow_up_is_recorded_once(pipeline: AnswerPipeline, store: Store) -> None:
    pipeline.ask([Ask("largest river?", 1, GUILD, earlier="capital city?")])
    assert [gap.text for gap in refused_questions(store, GUILD)] == ["largest river?"]


# Asked again.


def test_a_repeated_question_is_recorded_for_each_asker(
    pipeline: AnswerPipeline, store: Store, embedder: WordEmbedder
) -> None:
    [first] = pipeline.ask([Ask("bees make honey", 1, GUILD, 5)])
    embedder.calls.clear()
    again = pipeline.ask([Ask("bees make honey", 2, GUILD, 6), Ask("bees make honey", 3, GUILD)])
    assert embedder.calls == []
    assert [reply.outcome for reply in again] == [first.outcome] * 2
    recorded = [
        store.question_records.question(reply.question_id or 0) for reply in (first, *again)
    ]
    assert [(q.asker_id, q.channel_id) for q in recorded if q] == [(1, 5), (2, 6), (3, None)]


def test_simultaneous_equal_questions_are_looked_up_once(
    pipeline: AnswerPipeline, embedder: WordEmbedder
) -> None:
    replies = pipeline.ask([Ask("bees make honey", asker, GUILD) for asker in (1, 2)])
    assert embedder.calls[0] == ["bees make honey?"]
    assert replies[0].outcome == replies[1].outcome
    assert replies[0].question_id != replies[1].question_id


def test_a_changed_index_is_asked_again(pipeline: AnswerPipeline, embedder: WordEmbedder) -> None:
    [before] = pipeline.ask([Ask("cows give milk", 1, GUILD)])
    index = pipeline._index
    index.tables.apply([], ["file:cows"])
    [without] = pipeline.ask([Ask("cows give milk", 1, GUILD)])
    index_document(
        index, embedder, Document("file:new", SHARED, Kind.FILE, "new", "Cows give milk.")
    )
    [after] = pipeline.ask([Ask("cows give milk", 1, GUILD)])
    found = [{hit.passage.document_id for hit in reply.hits} for reply in (before, without, after)]
    assert "file:cows" in found[0]
    assert "file:cows" not in found[1]
    assert "file:new" in found[2]
    assert before.generation < without.generation < after.generation


def test_an_outdated_reply_is_not_repeated(
    tmp_path: Path, pipeline: AnswerPipeline, embedder: WordEmbedder
) -> None:
    """Another process publishes a note between looking up and answering."""

    class Publishing(WordEmbedder):
        def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
            with Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as other:
                index_document(
                    other, embedder, Document("file:hens", SHARED, Kind.FILE, "hens", "Hens lay.")
                )
            return super().embed_queries(texts)

    index = pipeline._index
    asked = AnswerPipeline(pipeline._store, index, Retriever(index, Publishing(4_096)), 3)
    [before] = asked.ask([Ask("hens lay", 1)])
    asked._retriever = Retriever(index, embedder)
    [after] = asked.ask([Ask("hens lay", 1)])
    found = [{hit.passage.document_id for hit in reply.hits} for reply in (before, after)]
    assert ["file:hens" in ids for ids in found] == [False, True]
    assert before.generation < after.generation


@given(
    turns=st.lists(
        st.tuples(
            st.sampled_from([None, GUILD, OTHER]),
            st.sampled_from([(), (STAFF,), (HELPERS,), (STAFF, HELPERS)]),
            st.sampled_from(["secret", "honey"]),
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_remembering_never_shows_what_an_asker_may_not_see(
    pipeline: AnswerPipeline, turns: list[tuple[int | None, tuple[int, ...], str]]
) -> None:
    asks = [
        Ask(f"{word} on fridays", 1, guild_id, channels=channels)
        for guild_id, channels, word in turns
    ]
    for reply, ask in zip(pipeline.ask(asks, record=False), asks, strict=True):
        assert {hit.passage.scope for hit in reply.hits} <= set(ask.scopes)
        [alone] = pipeline.ask([ask], record=False)
        assert alone.hits == reply.hits


# Notes that disagree.


def _quotes(*notes: tuple[str, str], kind: Kind = Kind.NOTE) -> list[Quote]:
    hits = [
        Hit(file_passage(text, document_id=name, kind=kind), 0.9, 0.9, 0.9, 0.5, ())
        for name, text in notes
    ]
    return [Quote(hit.passage.text, citation(hit.passage), hit) for hit in hits]


LIMIT, OTHER_LIMIT = (
    "Uploads are limited to 25 MB per file.",
    "Uploads are limited to 10 MB per file.",
)


def test_quoted_notes_that_disagree_are_named() -> None:
    quotes = _quotes(("note:1", LIMIT), ("note:2", "Ask Mia."), ("note:3", OTHER_LIMIT))
    [found] = conflicts(quotes, WordEmbedder().embed_queries)
    assert (found.left, found.right) == (0, 2)


@pytest.mark.parametrize(
    ("notes", "kind"),
    [
        ((("note:1", LIMIT), ("note:1", OTHER_LIMIT)), Kind.NOTE),
        ((("file:1", LIMIT), ("file:2", OTHER_LIMIT)), Kind.FILE),
        ((("note:1", LIMIT), ("note:2", LIMIT)), Kind.NOTE),
    ],
)
def test_agreeing_notes_are_no_conflict(notes: tuple[tuple[str, str], ...], kind: Kind) -> None:
    assert conflicts(_quotes(*notes, kind=kind), WordEmbedder().embed_queries) == ()


def test_disagreeing_notes_are_named_so(pipeline: AnswerPipeline, embedder: WordEmbedder) -> None:
    index = pipeline._index
    for name, text in (("note:1", LIMIT), ("note:2", OTHER_LIMIT)):
        index_document(index, embedder, Document(name, Scope(GUILD), Kind.NOTE, "Uploads", text))
    [reply] = pipeline.ask([Ask("Uploads are limited to what per file?", 1, GUILD)])
    assert isinstance(reply.outcome, Answer)
    assert len(reply.outcome.conflicts) == 1


def test_a_long_question_is_kept_whole(
    pipeline: AnswerPipeline, embedder: WordEmbedder, store: Store
) -> None:
    long = "what do bees make from nectar " * 60
    [reply] = pipeline.ask([Ask(long, 1, GUILD)])

    assert [len(text.split()) for text in embedder.calls[0]] == [embedder.max_tokens]
    assert reply.question == long
    assert reply.question_id is not None
    recorded = store.question_records.question(reply.question_id)
    assert recorded is not None
    assert recorded.text == long


def test_a_long_question_with_two_earlier_ones_is_five_texts_of_bounded_length(
    pipeline: AnswerPipeline, embedder: WordEmbedder
) -> None:
    earlier = "what do bees make\nfrom which flowers"
    pipeline.ask([Ask("nectar honey dance " * 100, 1, GUILD, earlier=earlier)])

    assert len(embedder.calls[0]) == 5
    assert max(len(text) for text in embedder.calls[0]) <= 2_000 + EARLIER_CHARACTERS

"""Answers to questions with two parts, to differences, for lists and by way of pointers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Outcome, Quote, Refusal, citation
from bot.answers.part_answers import asks_of_parts, compare, merge
from bot.answers.pipeline import AnswerPipeline
from bot.answers.question_parts import Parts
from bot.answers.quotations import shown_places
from indexer.index.index import Index
from indexer.ingest.pipeline import update
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.questions import Evidence
from tests.bot.values import file_passage
from tests.fakes import WordEmbedder

PARTS = Parts("how do i start the press", "what do cows eat")
PAGES = {
    "press": "## Start the press\n\nTurn the red key to start the press.\n\n## Stop it\n\nPull.",
    "cows": "## Food of cows\n\nCows eat grass and hay on meadows.",
    "export": """\
## Export data

### Web

Export data by the menu.

### Desktop

Export data by a file.

### Phone

Export data by sharing.
""",
    "start": "## Gate opening hours\n\nSee [Hours](hours.md#gate).",
    "hours": "## Gate\n\nThe gate is open from nine to five.",
    "insects": "## Bees\n\nBees make honey.\n\n## Wasps\n\nWasps make paper.",
}


def quote(text: str, heading: str) -> Quote:
    passage = file_passage(text, heading=heading)
    return Quote(text, citation(passage), Hit(passage, 0.9, 0.8, 0.8, 0.5, ()))


def answer(heading: str, evidence: Evidence = Evidence.STRONG, text: str = "Text.") -> Answer:
    return Answer(evidence, (quote(text, heading),))


def headings(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Answer)
    return [outcome.quotes[place].citation.heading for place in shown_places(outcome)]


def test_both_parts_are_quoted_with_the_weaker_evidence() -> None:
    found = merge(
        answer("Start"), [answer("Start"), answer("Food", Evidence.PARTIAL)], PARTS, dependent=False
    )
    assert headings(found) == ["Start", "Food"]
    assert isinstance(found, Answer)
    assert (found.evidence, found.parts, found.open_parts) == (Evidence.PARTIAL, 2, ())


def test_the_part_without_an_answer_is_named() -> None:
    cases: list[tuple[list[Outcome], str]] = [
        ([answer("Start"), Refusal()], PARTS.second),
        ([Refusal(), answer("Start")], PARTS.first),
    ]
    for parts, left in cases:
        found = merge(Refusal(), parts, PARTS, dependent=False)
        assert headings(found) == ["Start"]
        assert isinstance(found, Answer)
        assert found.open_parts == (left,)


@pytest.mark.parametrize(("text", "left"), [("On a tablet, pull.", ()), ("Pull.", ("stop b",))])
def test_a_detail_missing_in_the_passage_is_named(text: str, left: tuple[str, ...]) -> None:
    parts = Parts("stop a", "stop b", detail="on my tablet")
    found = merge(
        answer("Stop"), [answer("Start"), answer("Stop", text=text)], parts, dependent=False
    )
    assert isinstance(found, Answer)
    assert found.open_parts == left


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        (answer("All"), [answer("Start"), answer("Start")]),
        (answer("All"), [Refusal(), Refusal()]),
        (Refusal(), [Refusal(), Refusal()]),
    ],
)
def test_useless_parts_leave_the_whole_question(whole: Outcome, parts: list[Outcome]) -> None:
    assert merge(whole, parts, PARTS, dependent=False) is whole


def test_dependent_part_without_its_words_is_open() -> None:
    parts = Parts("where is the key", "does it open fridges")
    found = merge(Refusal(), [answer("Key"), answer("Lock")], parts, dependent=True)
    assert isinstance(found, Answer)
    assert (headings(found), found.open_parts) == (["Key"], ("does it open fridges",))


def test_a_part_found_only_by_the_whole_is_quoted() -> None:
    whole = answer("Cows and what they eat")
    found = merge(whole, [answer("Start"), Refusal()], PARTS, dependent=False)
    assert headings(found) == ["Start", "Cows and what they eat"]


def test_a_referring_second_part_is_asked_with_the_first() -> None:
    first, second = asks_of_parts(Ask("", 1), Parts("what is the press", "how do i stop it"))
    assert (first.earlier, second.earlier) == ("", "what is the press")
    first, second = asks_of_parts(Ask("", 1), PARTS)
    assert (first.earlier, second.earlier) == ("", "")


def hit(heading: str, text: str = "", document: str = "a", number: int = 1) -> Hit:
    passage = file_passage(text, heading=heading, document_id=document, id=number)
    return Hit(passage, 0.9, 0.8, 0.8, 0.5, ())


def test_a_difference_prefers_a_heading_with_both_things() -> None:
    bees, wasps = hit("Bees", number=1), hit("Wasps", number=2)
    both, text = hit("Bees and wasps", number=3), hit("", "Bees and wasps sting.", number=4)
    parts = Parts("bees", "wasps", differ=True)
    assert compare([bees, text, wasps, both], parts) == (both,)
    assert compare([bees, text, wasps], parts) == (bees, wasps)
    assert compare([bees, text], parts) == (text,)
    assert compare([bees], parts) == ()


def test_a_text_on_both_things_is_before_half_a_heading() -> None:
    proxy = hit("Floodgate behind a proxy", "Backend servers need no Floodgate.", number=1)
    server = hit("Cannot find the server", "Ask your host.", number=2)
    parts = Parts("floodgate on the proxy", "on backend servers", differ=True)
    assert compare([server, proxy], parts) == (proxy,)


def test_a_difference_prefers_sections_of_one_page() -> None:
    lone, bees = hit("Bees", document="b", number=1), hit("Bees", number=2)
    wasps = hit("Wasps", number=3)
    assert compare([lone, bees, wasps], Parts("bees", "wasps", differ=True)) == (bees, wasps)


# With an index.


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(4_096)


@pytest.fixture
def pipeline(tmp_path: Path, embedder: WordEmbedder) -> Iterator[AnswerPipeline]:
    with (
        Store(tmp_path / "community.db") as store,
        Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as index,
    ):
        documents = [
            Document(f"file:{name}.md", SHARED, Kind.FILE, name, text)
            for name, text in PAGES.items()
        ]
        for _ in update(index, embedder, documents):
            pass
        embedder.calls.clear()
        yield AnswerPipeline(store, index, Retriever(index, embedder), quotes=3)


def asked(pipeline: AnswerPipeline, text: str) -> Answer:
    [reply] = pipeline.ask([Ask(text, 1)])
    assert isinstance(reply.outcome, Answer)
    assert reply.hits[0] == reply.outcome.quotes[0].hit
    return reply.outcome


def test_a_question_with_two_parts_gets_two_quotations(pipeline: AnswerPipeline) -> None:
    found = asked(pipeline, "how do i start the press and what do cows eat")
    assert headings(found) == ["Start the press", "Food of cows"]


def test_heading_with_one_part_leaves_the_other(pipeline: AnswerPipeline) -> None:
    found = asked(pipeline, "what is the food of cows and how do i start the press")
    assert headings(found) == ["Food of cows", "Start the press"]


def test_a_question_with_an_unknown_part_says_so(pipeline: AnswerPipeline) -> None:
    found = asked(pipeline, "how do i start the press and who elects the mayor of Zanzibar")
    assert headings(found) == ["Start the press"]
    assert found.open_parts == ("who elects the mayor of Zanzibar",)


@pytest.mark.parametrize(
    ("text", "earlier", "texts"),
    [
        ("how do i start the press", "", 1),
        ("how do i start the press and what do cows eat", "", 3),
        ("how do i start the press and how do i stop it", "", 4),
        ("and how do i stop it and what do cows eat", "how do i start the press", 3),
        ("which one is cheaper", "bees or wasps?", 5),
        ("which one is cheaper", "how do i start the press\nbees or wasps?", 7),
    ],
)
def test_a_question_with_two_parts_costs_few_texts(
    pipeline: AnswerPipeline, embedder: WordEmbedder, text: str, earlier: str, texts: int
) -> None:
    pipeline.ask([Ask(text, 1, earlier=earlier)])
    assert len(embedder.calls[0]) == texts


def test_a_difference_gets_a_quotation_for_each_thing(pipeline: AnswerPipeline) -> None:
    assert headings(asked(pipeline, "bees vs wasps")) == ["Bees", "Wasps"]


def test_a_choice_between_the_things_before_quotes_both(pipeline: AnswerPipeline) -> None:
    [reply] = pipeline.ask([Ask("which one is cheaper", 1, earlier="bees or wasps?")])
    assert headings(reply.outcome) == ["Bees", "Wasps"]
    assert reply.evidence is Evidence.PARTIAL


def test_sections_that_answer_alike_are_listed(pipeline: AnswerPipeline) -> None:
    found = asked(pipeline, "how do i export data")
    assert [section.heading for section in found.sections] == ["Web", "Desktop", "Phone"]
    assert asked(pipeline, "how do i export data on the phone").sections == ()


def test_a_pointer_is_followed_to_its_section(pipeline: AnswerPipeline) -> None:
    found = asked(pipeline, "gate opening hours")
    assert (found.quotes[0].citation.title, found.quotes[0].citation.heading) == ("hours", "Gate")

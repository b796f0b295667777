"""Quality of answers: the default model, the bundled articles, judged questions.

Each floor is the measured figure less two questions: docs/benchmarks.md has the figures.
Raise the floor with every improvement.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import frontmatter
import pytest

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply
from bot.answers.quotations import quoted_page
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.text.languages import speaking
from indexer.embedding.embedder import Embedder
from indexer.text.passages import sections
from indexer.text.sentences import sentences
from knowledge.sources.addition import add_paths
from knowledge.values.documents import Kind
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence
from tests.quality.conftest import indexed, opened

pytestmark = pytest.mark.slow

JUDGED = Path(__file__).parents[1] / "judged"
ARTICLES = Path(__file__).parents[2] / "knowledge" / "articles"
RAW_ARTICLE = Path(__file__).parents[3] / "shared" / "article"

# Measured on 1 December 2026 with all-MiniLM-L6-v2, on 48 questions that the articles answer, 22
# foreign to them and 12 near misses. A relevant document came first for 43 of 48, and among three
# for 44.
RIGHT_FIRST = 0.85
RIGHT_AMONG_THREE = 0.87
# 41 of 48 were answered, in full or in part; *strong* was said of 8 and right in all.
ANSWERED = 0.81
STRONG_WRONG = 1
# 21 of 22 and 3 of 12 were refused: a near miss gets *partial* evidence.
FOREIGN_REFUSED = 0.86
NEAR_MISSES_REFUSED = 0.08

# One question a section of the article that the bundled ones stand for, as a member might ask.
SECTIONS = {
    "what-is-open-source-ai": "what exactly makes an AI open source?",
    "early-closed-days": "why was early AI only for universities and big firms?",
    "rise-of-open-source-software": "how did open-source software get started?",
    "how-ai-became-open": "how did AI go from closed labs to open models?",
    "milestones": "which breakthroughs and frameworks were milestones for open AI?",
    "popular-models-and-frameworks": "which open models and libraries do people use most?",
    "open-versus-proprietary": "open or proprietary models, how do they compare on cost?",
    "benefits": "what do I gain from using open-source AI?",
    "challenges": "what are the drawbacks and limits of open models?",
    "enterprise-adoption": "how do companies adopt open-source AI?",
    "security-and-ethics": "what are the ethical and security risks of open models?",
    "community": "what role do contributors and communities play in open-source AI?",
    "economic-impact": "how does open-source AI affect the economy and jobs?",
    "business-models": "how do companies make money with open-source AI?",
    "trends-to-2030": "what will open AI look like by 2030?",
    "conclusion": "what should I take away from all this about open-source AI?",
}


def _lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (JUDGED / name).read_text().splitlines()]


def _relevant() -> dict[str, set[str]]:
    relevant: dict[str, set[str]] = {}
    for line in (JUDGED / "qrels.tsv").read_text().splitlines()[1:]:
        question, document, _ = line.split("\t")
        relevant.setdefault(question, set()).add(f"article:{document}")
    return relevant


def _asked(core: Core, texts: Sequence[str]) -> list[Reply]:
    return core.answer_pipeline.ask([Ask(text, asker_id=1) for text in texts], record=False)


def _documents(reply: Reply) -> list[str]:
    return [hit.passage.document_id for hit in reply.hits]


@pytest.fixture(scope="module")
def answerable(core: Core) -> dict[str, Reply]:
    questions = _lines("queries.jsonl")
    replies = _asked(core, [question["text"] for question in questions])
    return {question["_id"]: reply for question, reply in zip(questions, replies, strict=True)}


@pytest.fixture(scope="module")
def unanswerable(core: Core) -> list[tuple[str, str, Reply]]:
    """Each question's kind and id, with its reply."""
    questions = _lines("unanswerable.jsonl")
    replies = _asked(core, [question["text"] for question in questions])
    return [
        (question["kind"], question["_id"], reply)
        for question, reply in zip(questions, replies, strict=True)
    ]


def test_the_judged_set_is_complete() -> None:
    questions = {question["_id"] for question in _lines("queries.jsonl")}
    assert len(questions) >= 40
    assert len(_lines("unanswerable.jsonl")) >= 20
    assert set(_relevant()) == questions
    assert set().union(*_relevant().values()) == {f"article:{name}" for name in SECTIONS}


@pytest.mark.parametrize(("among", "floor"), [(1, RIGHT_FIRST), (3, RIGHT_AMONG_THREE)])
def test_a_right_article_comes_first(
    answerable: dict[str, Reply], among: int, floor: float
) -> None:
    relevant = _relevant()
    missed = [
        (question, _documents(reply)[:among])
        for question, reply in answerable.items()
        if not relevant[question] & set(_documents(reply)[:among])
    ]
    assert 1 - len(missed) / len(answerable) >= floor, missed


def test_questions_that_the_articles_answer_are_answered(answerable: dict[str, Reply]) -> None:
    refused = [
        question for question, reply in answerable.items() if reply.evidence is Evidence.NONE
    ]
    assert 1 - len(refused) / len(answerable) >= ANSWERED, refused


def test_strong_answers_are_right(answerable: dict[str, Reply]) -> None:
    relevant = _relevant()
    wrong = [
        question
        for question, reply in answerable.items()
        if reply.evidence is Evidence.STRONG and _documents(reply)[0] not in relevant[question]
    ]
    assert len(wrong) <= STRONG_WRONG, wrong


@pytest.mark.parametrize(
    ("kind", "floor"), [("foreign", FOREIGN_REFUSED), ("near miss", NEAR_MISSES_REFUSED)]
)
def test_questions_that_the_articles_do_not_answer_are_refused(
    unanswerable: list[tuple[str, str, Reply]], kind: str, floor: float
) -> None:
    asked = [(question, reply) for found, question, reply in unanswerable if found == kind]
    assert len(asked) >= 12
    answered = [question for question, reply in asked if isinstance(reply.outcome, Answer)]
    assert 1 - len(answered) / len(asked) >= floor, answered


def _headed() -> list[tuple[str, str]]:
    """The headings of the bundled articles, each with the first sentence below it."""
    articles = [frontmatter.load(str(path)) for path in sorted(ARTICLES.glob("*.md"))]
    found = [
        (heading.rpartition("› ")[2], body.strip()[slice(*sentences(body.strip())[0])])
        for article in articles
        for heading, body in sections(article.content, str(article["title"]))
        if heading and body.strip()
    ]
    assert len(found) >= 100
    return found


def test_a_heading_asked_is_answered_below(core: Core) -> None:
    headed = _headed()
    plain = [re.sub(r"[^\w\s'-]", "", heading).lower() for heading, _ in headed]
    for typed in ([heading for heading, _ in headed], plain):
        with speaking(Language.ENGLISH):
            missed = [
                heading
                for (heading, first), reply in zip(headed, _asked(core, typed), strict=True)
                if not isinstance(reply.outcome, Answer)
                or first not in quoted_page(reply.outcome.quotes[0])[0]
            ]
        assert not missed


def test_how_a_question_is_typed_changes_neither_order_nor_verdict(core: Core) -> None:
    asked = [*SECTIONS.values(), "who doesn't release a model's weights, and what's it called?"]
    plain = str.maketrans({"'": "", "-": " ", "?": ""})
    ways = (str, str.upper, lambda text: text.translate(plain), lambda text: f"{text} ?!")
    typed = [_asked(core, [way(question) for question in asked]) for way in ways]
    for same in zip(*typed, strict=True):
        assert len({(reply.evidence, *_documents(reply)) for reply in same}) == 1, same[0].question


TYPED = {
    "how to use open source ai in a company": "how to use open-source AI in a company?",
    "whats the diffrence between open n closed": "what's the difference between open n closed",
    "is proprietery ai good for me": "is proprietary AI good for me?",
    "what is the comunity good for": "what is the community good for",
    "r there chalenges w/ open models": "r there challenges with open models?",
}


def test_shorthand_and_slips_change_neither_order_nor_verdict(core: Core) -> None:
    pairs = zip(_asked(core, list(TYPED)), _asked(core, list(TYPED.values())), strict=True)
    for one, other in pairs:
        assert (one.evidence, _documents(one)) == (other.evidence, _documents(other)), one.question


def test_every_section_can_be_asked_about(core: Core) -> None:
    missed = [
        name
        for name, reply in zip(SECTIONS, _asked(core, list(SECTIONS.values())), strict=True)
        if not isinstance(reply.outcome, Answer)
        or f"article:{name}" not in [one.citation.document_id for one in reply.outcome.quotes]
    ]
    assert not missed


# A plain-text file in numbered sections.


RAW = {
    "1. What Are Open-Source AI Models?": "what are models whose source code is public",
    "2. The Early Days of AI Development": "why was participation restricted early on",
    "3. The Rise of Open-Source Software": "what did open-source software revolutionize",
    "5. Key Milestones in Open-Source AI Evolution": "milestones such as TensorFlow and diffusion",
    "7. Open-Source vs Proprietary AI Models": "who gives support, vendor or community",
    "9. Challenges and Limitations": "does quality vary across projects",
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, model: Embedder) -> Iterator[Core]:
    """A core with the raw text as its only imported file."""
    if not RAW_ARTICLE.is_dir():
        pytest.skip("the raw text is not beside this checkout (../shared/article)")

    def index_raw(folder: Path) -> None:
        with opened(folder, model) as made:
            add_paths(made.store, [RAW_ARTICLE])
            run_to_end(index_updates.update(made))

    with opened(indexed(tmp_path_factory, "raw", model, index_raw), model) as made:
        yield made


def _headings(core: Core) -> list[str]:
    documents = core.index.tables.document_digests([Kind.FILE])
    return [p.heading for key in documents for p in core.index.tables.document_passages(key)]


def test_the_sections_of_an_imported_text_are_found(imported: Core) -> None:
    for heading, reply in zip(RAW, _asked(imported, list(RAW.values())), strict=True):
        found = [hit.passage.heading for hit in reply.hits if hit.passage.kind is Kind.FILE]
        assert heading in found


def test_imported_text_is_cut_at_numbered_sections(imported: Core) -> None:
    numbered = [heading for heading in _headings(imported) if heading[:1].isdigit()]
    assert [int(heading.split(".")[0]) for heading in numbered] == list(range(1, 16 + 1))


def test_an_imported_table_is_one_passage(imported: Core) -> None:
    [passage] = [
        hit.passage
        for hit in imported.search(
            "open-source vs proprietary: cost, flexibility, support", None, 20
        )
        if hit.passage.kind is Kind.FILE
    ]
    rows = [line for line in passage.text.splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert passage.heading == "7. Open-Source vs Proprietary AI Models"

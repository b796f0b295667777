import random
from pathlib import Path

from indexer.evaluation.judged_sets import JudgedSet, judged_set
from indexer.evaluation.runner import Evaluator
from indexer.index.index import Index
from knowledge.values.documents import SHARED, Document, Kind, Scope
from tests.fakes import WordEmbedder

CORPUS = '{"_id": "d1", "title": "Bees", "text": "Bees make honey."}\n'


QUERIES = '{"_id": "q1", "text": "who makes honey"}\n'


QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\n"


def _write(folder: Path, **files: str) -> Path:
    contents = {"corpus.jsonl": CORPUS, "queries.jsonl": QUERIES, "qrels.tsv": QRELS}
    contents.update({name.replace("__", "."): text for name, text in files.items()})
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_judged_set_is_indexed_asked_and_measured(tmp_path: Path) -> None:
    animals = ["bees", "cows", "hens", "goats", "silkworms", "sheep"]
    products = ["honey", "milk", "eggs", "cheese", "silk", "wool"]
    pairs = list(zip(animals, products, strict=True))
    random.Random(1).shuffle(pairs)  # noqa: S311
    set_folder = tmp_path / "set"
    set_folder.mkdir()
    _write(
        set_folder,
        corpus__jsonl="".join(
            f'{{"_id": "{animal}", "title": "{animal}", "text": "{animal} give {product}"}}\n'
            for animal, product in pairs
        ),
        queries__jsonl="".join(
            f'{{"_id": "q-{animal}", "text": "{animal} give {product}"}}\n'
            for animal, product in pairs
        ),
        qrels__tsv="".join(f"q-{animal}\t{animal}\t1\n" for animal in animals),
        unanswerable__jsonl='{"_id": "u1", "text": "largest river"}\n',
    )
    # So many places that no two of these words share one.
    embedder = WordEmbedder(4_096)
    with Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as index:
        evaluator = Evaluator(index, embedder, judged_set(set_folder))
        for _ in evaluator.index():
            pass
        figures = evaluator.evaluate(legs=True).to_dict()
    assert figures["questions"] == 6
    assert figures["mrr_at_10"] == figures["ndcg_at_10"] == figures["recall_at_5"] == 1.0
    assert (figures["answered_rate"], figures["refused_rate"]) == (1.0, 1.0)
    assert figures["evidence_auroc"] == 1.0
    assert figures["legs"] == {
        leg: dict.fromkeys(("ndcg_at_10", "recall_at_5", "recall_at_10", "mrr_at_10"), 1.0)
        for leg in ("dense", "lexical")
    }
    for name in ("query_p50_ms", "query_p95_ms", "passages_per_second", "peak_rss_mb"):
        figure = figures[name]
        assert isinstance(figure, float)
        assert figure > 0


def test_without_unanswerable_questions_there_is_no_rate_of_refusals(tmp_path: Path) -> None:
    embedder = WordEmbedder(64)
    with Index(tmp_path / "index", model="words", dimension=64, max_tokens=256) as index:
        evaluator = Evaluator(index, embedder, judged_set(_write(tmp_path)))
        for _ in evaluator.index():
            pass
        figures = evaluator.evaluate().to_dict()
    assert figures["refused_rate"] is None
    assert figures["evidence_auroc"] is None
    assert "legs" not in figures


def test_answerable_and_unanswerable_may_share_an_id(tmp_path: Path) -> None:
    _write(tmp_path, unanswerable__jsonl='{"_id": "q1", "text": "zanzibar"}\n')
    embedder = WordEmbedder(4_096)
    with Index(tmp_path / "index", model="words", dimension=4_096, max_tokens=256) as index:
        evaluator = Evaluator(index, embedder, judged_set(tmp_path))
        for _ in evaluator.index():
            pass
        figures = evaluator.evaluate().to_dict()
    assert (figures["questions"], figures["ndcg_at_10"]) == (1, 1.0)
    assert (figures["answered_rate"], figures["refused_rate"]) == (1.0, 1.0)


GUILD = Scope(7)


def test_a_guilds_question_finds_the_guilds_note_and_nobody_elses(tmp_path: Path) -> None:
    documents = [
        Document("note:1", GUILD, Kind.NOTE, "Meetup", "The quokka meetup is on Friday."),
        Document("note:2", Scope(8), Kind.NOTE, "Meetup", "The quokka meetup is on Friday."),
    ]
    judged = JudgedSet(
        documents, {"q": "quokka meetup"}, {"q": {"note:1": 1}}, scopes={"q": (SHARED, GUILD)}
    )
    with Index(tmp_path / "index", model="words", dimension=64, max_tokens=256) as index:
        evaluator = Evaluator(index, WordEmbedder(64), judged)
        for _ in evaluator.index():
            pass
        evaluation = evaluator.evaluate(legs=True)
    assert evaluation.run == {"q": ["note:1"]}
    assert evaluation.legs == {"dense": {"q": ["note:1"]}, "lexical": {"q": ["note:1"]}}

"""Hits: fused, one a document, each with its legs and its deciding sentence."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.embedding.embedder import Embedder, tokens_of
from indexer.index.database import Place
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document, update
from indexer.retrieval.fusion import WHOLE_WEIGHT, WINDOW_WEIGHT, WORDS_UNREAD
from indexer.retrieval.hit import MEANING, WORDS, Hit
from indexer.retrieval.late_interaction import COMPARED
from indexer.retrieval.reranker import Reranking
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind, Scope
from knowledge.values.questions import Evidence
from tests.fakes import WordEmbedder, WordReranker
from tests.indexer.small_index import build
from tests.indexer.workshop import FUSED_FIRST, LATE_FIRST, QUESTION, RULES, rule, rules

DOCUMENTS = {
    "bees": "# Honey\n\nBees make honey from nectar. They dance.\n\n# Wax\n\nBees make wax.",
    "cows": "Cows give milk. They graze on meadows all day long.",
    "code": "Run the tool with `--no-cache-dir`. It is slow then.\n\n```\nnever | quote this\n```",
}


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(4_096)


@pytest.fixture
def retriever(tmp_path: Path, embedder: WordEmbedder) -> Iterator[Retriever]:
    with Index(tmp_path, model="words", dimension=4_096, max_tokens=256) as index:
        corpus = [
            Document(f"file:{name}", SHARED, Kind.FILE, name, text)
            for name, text in DOCUMENTS.items()
        ]
        for _ in update(index, embedder, corpus):
            pass
        yield Retriever(index, embedder)


def test_no_queries_give_no_rankings(retriever: Retriever) -> None:
    assert retriever.hits([], [SHARED]) == []


@given(
    st.sampled_from(["what's", "Whats", "what\u2019s"]),
    st.sampled_from(["no-cache-dir", "no cache-dir", "No cache dir"]),
    st.sampled_from(["", "?", "!?", "??"]),
    st.sampled_from([str, str.upper, str.title]),
)
# The index is only read.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_how_a_question_is_typed_changes_neither_order_nor_verdict(
    retriever: Retriever, asking: str, noun: str, end: str, written: Callable[[str], str]
) -> None:
    def said(question: str) -> tuple[list[tuple[str, float]], tuple[Evidence, dict[str, float]]]:
        [hits] = retriever.hits([question], [SHARED])
        ranked = [(hit.passage.document_id, hit.score) for hit in hits]
        return ranked, retriever.judge(question, hits)

    typed = f"{asking} the {noun} of the honey tool 4{end}"
    assert said(written(typed)) == said("whats the no cache dir of the honey tool 4")


def test_no_scope_gives_no_hit(retriever: Retriever) -> None:
    assert retriever.hits(["honey"], []) == [[]]


def test_a_document_is_hit_once_by_its_best_passage(retriever: Retriever) -> None:
    [hits] = retriever.hits(["bees make wax"], [SHARED])
    documents = [hit.passage.document_id for hit in hits]
    assert documents[0] == "file:bees"
    assert len(set(documents)) == len(documents)
    assert hits[0].passage.heading == "Wax"


def test_scores_fall_and_k_is_the_most(retriever: Retriever) -> None:
    [hits] = retriever.hits(["bees cows cache"], [SHARED])
    scores = [hit.score for hit in hits]
    assert len(hits) == 3
    assert scores == sorted(scores, reverse=True)
    assert retriever.hits(["bees cows cache"], [SHARED], k=2) == [hits[:2]]


def test_each_hit_says_which_leg_found_it(retriever: Retriever) -> None:
    [hits] = retriever.hits(["honey"], [SHARED])
    legs = {hit.passage.document_id: hit.legs for hit in hits}
    assert legs["file:bees"] == (MEANING, WORDS)
    assert legs["file:cows"] == (MEANING,)


def test_joint_queries_are_answered_in_order(retriever: Retriever, embedder: WordEmbedder) -> None:
    retriever.hits(["wax"], [SHARED])
    embedder.calls.clear()
    found = retriever.hits(["milk", "honey"], [SHARED], k=1)
    assert embedder.calls == [["milk?", "honey?"]]
    assert [hits[0].passage.document_id for hits in found] == ["file:cows", "file:bees"]


# Search narrowed to some documents, whatever else the index has.


QUERY = "ferry to the island"


def document(number: int, text: str, scope: Scope = SHARED) -> Document:
    return Document(f"file:{number}", scope, Kind.FILE, f"Title {number}", text, "")


def index_of(folder: Path, embedder: WordEmbedder, documents: list[Document]) -> Index:
    index = Index(
        folder, model=embedder.model, dimension=embedder.dimension, max_tokens=embedder.max_tokens
    )
    build(index, embedder, documents)
    return index


def test_selected_documents_are_found_behind_many_nearer_ones(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    nearer = [document(number, f"{QUERY} number {number}") for number in range(150)]
    own = [document(1_000, "Bread and butter."), document(1_001, "An island is a piece of land.")]
    with index_of(tmp_path, embedder, [*nearer, *own]) as index:
        retriever = Retriever(index, embedder)
        [vector] = retriever.embed([QUERY])
        ids = index.tables.passage_ids([document.id for document in own], [SHARED])

        hits = retriever.rank(QUERY, vector, [SHARED], 10, among=ids)

        assert [hit.passage.document_id for hit in hits] == ["file:1001", "file:1000"]
        assert hits[0].legs == ("meaning", "words")
        [everything] = retriever.hits([QUERY], [SHARED], 100)
        assert not {document.id for document in own} & {
            hit.passage.document_id for hit in everything
        }


def test_a_selection_of_everything_changes_no_hit(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    texts = ["The ferry leaves at nine.", "To the island and back.", "Bread.", "The island ferry."]
    documents = [document(number, text) for number, text in enumerate(texts)]
    with index_of(tmp_path, embedder, documents) as index:
        retriever = Retriever(index, embedder)
        [vector] = retriever.embed([QUERY])
        ids = index.tables.passage_ids([document.id for document in documents], [SHARED])

        for own, expected in zip(
            retriever.rank(QUERY, vector, [SHARED], 10, among=ids),
            retriever.hits([QUERY], [SHARED])[0],
            strict=True,
        ):
            assert own.passage == expected.passage
            assert np.isclose(own.score, expected.score)


def test_a_selection_has_no_document_of_another_scope(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    hidden = document(1, f"{QUERY} of others", Scope(7))
    with index_of(tmp_path, embedder, [hidden, document(2, "Bread.")]) as index:
        vectors = embedder.embed_queries([QUERY])
        ids = index.tables.passage_ids(["file:1", "file:2", "file:9"], [SHARED])

        assert len(ids) == 1
        [(near, _)] = index.nearest_many(vectors, 10, [SHARED], ids)
        assert near.tolist() == ids
        assert index.matching(QUERY, 10, [SHARED], [], ids) == []


# Late interaction with the real model: it decides the order if all passages have codes.

OTHERS = [
    "who has the keys at night",
    "Borrowed drills go back on the shelf",
    "can a ten year old saw wood",
    "?",
    "who do strangers talk to",
]
QUESTIONS = [QUESTION, *OTHERS]


@contextmanager
def opened(place: Place, embedder: Embedder) -> Iterator[Index]:
    with Index(
        place, model=embedder.model, dimension=embedder.dimension, max_tokens=embedder.max_tokens
    ) as index:
        yield index


def _build(index: Index, embedder: Embedder, documents: Sequence[Document]) -> None:
    for _ in update(index, embedder, documents):
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, model: Embedder) -> Path:
    """The folder of an index of the rules."""
    folder = tmp_path_factory.mktemp("built")
    with opened(folder, model) as made:
        _build(made, model, rules())
    return folder


@pytest.fixture
def index(tmp_path: Path, built: Path, model: Embedder) -> Iterator[Index]:
    shutil.copytree(built, tmp_path / "index")
    with opened(tmp_path / "index", model) as made:
        yield made


def _names(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.document_id.removeprefix("file:") for hit in hits]


def _told(found: Sequence[Sequence[Hit]]) -> list[list[tuple[str, float]]]:
    """Hits without their ids, which differ."""
    return [
        [(name, round(hit.score, 5)) for name, hit in zip(_names(hits), hits, strict=True)]
        for hits in found
    ]


def _fused(retriever: Retriever, questions: Sequence[str], k: int = 10) -> list[list[Hit]]:
    vectors = retriever.embed(questions)
    return retriever.fuse_together(questions, vectors, [SHARED], k)


def test_token_vectors_decide_if_no_passage_has_the_words(index: Index, model: Embedder) -> None:
    retriever = Retriever(index, model)
    [fused] = _fused(retriever, [QUESTION], len(RULES))
    assert not {"borrowing", "overnight", "okay"} & set(" ".join(RULES.values()).lower().split())
    assert _names(fused)[0] == FUSED_FIRST
    [hits] = retriever.hits([QUESTION], [SHARED], len(RULES))
    assert _names(hits)[0] == LATE_FIRST
    assert sorted(_names(hits)) == sorted(_names(fused))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    # Cosines, coverages and legs stay the same.
    before = {hit.passage.id: (hit.cosine, hit.coverage, hit.legs) for hit in fused}
    assert {hit.passage.id: (hit.cosine, hit.coverage, hit.legs) for hit in hits} == before


def test_unread_language_is_ordered_by_words(index: Index, model: Embedder) -> None:
    """Asked together with one that it reads; a model of unknown languages reads everything."""
    index_document(
        index, model, rule("tor", "Das Tor ist ab neun Uhr auf. Bis zehn ist der Hof für alle da.")
    )
    asked = [QUESTION, "Ist der Hof um zehn Uhr für alle auf?"]
    [own, unread], [_, read] = (
        Retriever(index, model, languages=frozenset(some)).hits(asked, [SHARED])
        for some in (("en",), ())
    )
    assert (own[0].late is None, unread[0].late is None) == (False, True)
    assert _names(unread)[0] == _names(read)[0] == "tor"
    best = unread[0]
    near = WHOLE_WEIGHT * best.cosine + WINDOW_WEIGHT * best.window_cosine
    assert best.score == pytest.approx(near + WORDS_UNREAD * best.coverage)


def test_fewer_wanted_hits_are_the_first_of_more(index: Index, model: Embedder) -> None:
    """The best are compared, however many of them are wanted."""
    retriever = Retriever(index, model)
    every = retriever.hits(QUESTIONS, [SHARED], 20)
    for k in (1, 3, COMPARED):
        assert retriever.hits(QUESTIONS, [SHARED], k) == [hits[:k] for hits in every]
    assert max(map(len, every)) == 20 > COMPARED
    for hits, fused in zip(every, _fused(retriever, QUESTIONS, 20), strict=True):
        assert _names(hits[COMPARED:]) == _names(fused[COMPARED:])


def test_questions_together_get_the_hits_of_each_alone(index: Index, model: Embedder) -> None:
    retriever = Retriever(index, model)
    assert retriever.hits(QUESTIONS, [SHARED]) == [
        retriever.hits([question], [SHARED])[0] for question in QUESTIONS
    ]


def test_how_a_question_is_typed_changes_nothing(index: Index, model: Embedder) -> None:
    retriever = Retriever(index, model)
    typed = ["is borrowing overnight okay?", "Is borrowing overnight okay ??", QUESTION]
    first, *others = _told(retriever.hits(typed, [SHARED]))
    assert others == [first, first]
    typed = ["what's the late night fee", "whats the late-night fee?"]
    first, *others = _told(retriever.hits(typed, [SHARED]))
    assert others == [first]


def test_selected_passages_are_ordered_by_late_interaction(index: Index, model: Embedder) -> None:
    retriever = Retriever(index, model)
    among = index.tables.passage_ids([f"file:{FUSED_FIRST}", f"file:{LATE_FIRST}"], [SHARED])
    [vector] = retriever.embed([QUESTION])
    hits = retriever.rank(QUESTION, vector, [SHARED], 5, among=sorted(among))
    assert _names(hits) == [LATE_FIRST, FUSED_FIRST]


def test_missing_codes_keep_the_fused_order(index: Index, model: Embedder, tmp_path: Path) -> None:
    retriever = Retriever(index, model)
    [fused] = _fused(retriever, [QUESTION])
    last = fused[-1].passage.id
    index.tables.db.run(
        "delete from token_codes where digest = (select digest from passages where id = ?)", (last,)
    )
    assert retriever.hits([QUESTION], [SHARED]) == [fused]


def test_missing_codes_behind_the_best_change_nothing(index: Index, model: Embedder) -> None:
    retriever = Retriever(index, model)
    [fused] = _fused(retriever, [QUESTION], 20)
    behind = fused[COMPARED].passage.id
    index.tables.db.run(
        "delete from token_codes where digest = (select digest from passages where id = ?)",
        (behind,),
    )
    [hits] = retriever.hits([QUESTION], [SHARED])
    assert _names(hits)[0] == LATE_FIRST


def test_replaced_document_has_new_words(index: Index, model: Embedder) -> None:
    retriever = Retriever(index, model)
    assert _names(retriever.hits([QUESTION], [SHARED])[0])[0] == LATE_FIRST
    index_document(index, model, rule(LATE_FIRST, "The lawn is mown in May."))
    index_document(index, model, rule("lending", RULES[LATE_FIRST]))
    hits = retriever.hits([QUESTION], [SHARED])[0]
    assert _names(hits)[0] == "lending"


def test_cached_codes_need_no_database(tmp_path: Path, index: Index, model: Embedder) -> None:
    retriever = Retriever(index, model)
    [fused] = _fused(retriever, [QUESTION])
    ids = [hit.passage.id for hit in fused]
    with index.from_memory():
        assert index.token_codes(ids) == {}
        assert retriever.hits([QUESTION], [SHARED]) == [fused]
    [hits] = retriever.hits([QUESTION], [SHARED])
    assert hits != fused
    codes = index.token_codes(ids)
    index.tables.db.run("delete from token_codes")
    with index.from_memory():
        assert index.token_codes(ids) == codes
        assert retriever.hits([QUESTION], [SHARED]) == [hits]


def test_rows_read_ahead_include_codes(index: Index, model: Embedder, tmp_path: Path) -> None:
    expected = Retriever(index, model).hits([QUESTION], [SHARED])
    with opened(tmp_path / "index", model) as later:
        retriever = Retriever(later, model)
        later.matching(QUESTION, 1, [SHARED])
        list(later.prefetch_recent_rows())
        with later.from_memory():
            assert retriever.hits([QUESTION], [SHARED]) == expected


def test_a_model_without_token_vectors_keeps_the_fused_order(tmp_path: Path) -> None:
    embedder = WordEmbedder(512)
    assert tokens_of(embedder) is None
    with opened(tmp_path, embedder) as index:
        _build(index, embedder, rules())
        retriever = Retriever(index, embedder)
        assert index.tables.db.rows("select 1 from token_codes") == []
        assert retriever.hits(QUESTIONS, [SHARED]) == _fused(retriever, QUESTIONS)
        assert "late" not in retriever.identity


def test_the_identity_names_late_interaction(index: Index, model: Embedder) -> None:
    assert "late 1.5 0.2" in Retriever(index, model).identity


def test_a_reranker_gets_the_best_in_this_order(index: Index, model: Embedder) -> None:
    reranker = WordReranker("nothing has this", seconds=0.01)
    reranking = Reranking(reranker, 1.0, reranker.clock)
    [expected] = Retriever(index, model).hits([QUESTION], [SHARED])
    reranker.read.clear()
    Retriever(index, model, reranking=reranking).hits([QUESTION], [SHARED])
    assert [text.split()[0] for text in reranker.read[:3]] == [
        hit.passage.text.split()[0] for hit in expected[:3]
    ]

"""Late interaction with the real model: it decides the order if all passages have codes."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer.embedding.embedder import Embedder, tokens_of
from indexer.index.database import Place
from indexer.index.index import Index
from indexer.ingest.pipeline import index_document, update
from indexer.retrieval.fusion import WHOLE_WEIGHT, WINDOW_WEIGHT, WORDS_UNREAD
from indexer.retrieval.hit import Hit
from indexer.retrieval.late_interaction import COMPARED
from indexer.retrieval.reranker import Reranking
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document
from tests.fakes import WordEmbedder, WordReranker
from tests.indexer.workshop import FUSED_FIRST, LATE_FIRST, QUESTION, RULES, rule, rules

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

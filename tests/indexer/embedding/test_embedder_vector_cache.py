from indexer.embedding.embedder import VectorCache
from tests.fakes import WordEmbedder


def test_a_text_is_embedded_once() -> None:
    texts = ["how do bees make honey", "what is wax", "who milks cows"]
    embedder = WordEmbedder()
    vectors = VectorCache(embedder.embed_queries)
    assert list(vectors.prepare(texts)) == [0]
    vectors.of([*texts, *texts])
    assert sorted(embedder.texts) == sorted(texts)


def test_a_cleared_cache_embeds_again() -> None:
    embedder = WordEmbedder()
    vectors = VectorCache(embedder.embed_queries)
    vectors.of(["one"])
    vectors.clear()
    vectors.of(["one"])
    assert embedder.texts == ["one", "one"]


def test_no_texts_have_no_vectors() -> None:
    assert VectorCache(WordEmbedder(8).embed_passages).of([]).shape == (0, 8)


def test_the_cache_is_bounded() -> None:
    vectors = VectorCache(WordEmbedder().embed_queries, size=2)
    vectors.of(["one", "two", "three"])
    assert len(vectors) == 2

"""The bundled articles in the corpus. `test_project.py` checks their files."""

from indexer.text.passages import sections
from knowledge import corpus
from knowledge.values.documents import Document, Kind

ARTICLES = [item for item in corpus.articles() if isinstance(item, Document)]


def test_every_article_can_be_read_and_has_what_a_citation_needs() -> None:
    assert [item for item in corpus.articles() if not isinstance(item, Document)] == []
    assert len(ARTICLES) == 16
    assert len({article.title for article in ARTICLES}) == 16
    for article in ARTICLES:
        assert article.kind is Kind.ARTICLE, article.id
        # A footnote's address is not the article's.
        assert article.link == "", article.id
        assert article.verified is not None, article.id
        assert article.tags, article.id


def test_an_article_has_sections_each_with_a_text_of_its_own() -> None:
    for article in ARTICLES:
        headed = [heading for heading, _ in sections(article.text, article.title) if heading]
        assert len(headed) >= 3, article.id
        assert len(set(headed)) == len(headed), article.id

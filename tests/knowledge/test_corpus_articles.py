"""The bundled articles in the corpus. `test_project.py` checks their files."""

import pytest

from indexer.text.passages import sections
from knowledge import corpus
from knowledge.values.documents import Document, Kind

ARTICLES = [item for item in corpus.articles() if isinstance(item, Document)]


def test_every_article_can_be_read() -> None:
    assert [item for item in corpus.articles() if not isinstance(item, Document)] == []
    assert len(ARTICLES) == 16


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.id)
def test_an_article_has_what_a_citation_needs(article: Document) -> None:
    assert article.kind is Kind.ARTICLE
    assert article.link.startswith("https://")
    assert article.verified is not None
    assert article.tags


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.id)
def test_an_article_has_sections_each_with_a_text_of_its_own(article: Document) -> None:
    parts = list(sections(article.text, article.title))
    headed = [heading for heading, _ in parts if heading]
    assert len(headed) >= 3
    assert len(set(headed)) == len(headed)


def test_no_two_articles_have_one_title() -> None:
    titles = [article.title for article in ARTICLES]
    assert len(set(titles)) == len(titles)

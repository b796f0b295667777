"""Bundled articles on a site, where they are chosen."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

from knowledge import corpus
from knowledge.page.addresses import article_address
from knowledge.page.site import PublishedNote, Site
from knowledge.values.documents import Document


def with_articles(site: Site) -> Site:
    articles = (_published(one) for one in corpus.articles() if isinstance(one, Document))
    return replace(site, notes=(*site.notes, *articles))


def _published(article: Document) -> PublishedNote:
    verified = article.verified or date.min
    moment = datetime.combine(verified, time(), UTC)
    address = article_address(article.id.removeprefix("article:"))
    return PublishedNote(
        address, article.title, article.text, article.tags, verified, moment, moment
    )

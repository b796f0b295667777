"""Links of citations to the public page, also where the database is away."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from bot.answers.outcome import Quote, citation
from bot.answers.page_links import PageLinks
from bot.config.settings import PageSettings
from indexer.retrieval.hit import Hit
from knowledge.store.database import DatabaseAwayError, StoreError
from knowledge.store.notes.public_notes import PublicNotes
from knowledge.store.store import Store
from knowledge.values.documents import Kind, document_of_article, document_of_note
from knowledge.values.notes import Note
from tests.bot import values
from tests.knowledge.decided_notes import GUILD, decided, proposed

SETTINGS = PageSettings(base_url="https://{server}.example.org/")


@pytest.fixture
def note(tmp_path: Path) -> Iterator[tuple[Store, Note]]:
    """A store with a live note of a server that has a page."""
    with Store(tmp_path / "community.db") as store:
        store.guilds.change(GUILD, {"page": True}, 9)
        live = decided(store, proposed(store, for_page=True)).note
        yield store, live


def test_only_notes_on_the_page_have_a_url(note: tuple[Store, Note]) -> None:
    store, live = note
    links = PageLinks(store, SETTINGS)
    url = f"https://{GUILD}.example.org/notes/{live.id}/"
    assert links.of(GUILD, [live.id, live.id + 1]) == {live.id: url}
    assert links.of(GUILD + 1, [live.id]) == {}
    assert links.of(None, [live.id]) == {}
    assert PageLinks(store, PageSettings()).of(GUILD, [live.id]) == {}


def test_an_article_is_linked_where_pages_have_articles(note: tuple[Store, Note]) -> None:
    store, _ = note
    article = document_of_article("benefits")
    passage = values.file_passage(document_id=article, kind=Kind.ARTICLE, link="")
    quoted = Quote(passage.text, citation(passage), Hit(passage, 0.9, 0.8, 0.8, 0.5, ()))

    def link(settings: PageSettings, guild_id: int | None) -> str:
        [linked] = PageLinks(store, settings).link(guild_id, [quoted])
        return linked.citation.link

    with_articles = SETTINGS.model_copy(update={"articles": True})
    assert link(with_articles, GUILD) == f"https://{GUILD}.example.org/articles/benefits/"
    assert link(SETTINGS, GUILD) == ""
    assert link(with_articles, GUILD + 1) == ""
    assert link(with_articles, None) == ""


class Unread(PublicNotes):
    """Notes that can't be looked up."""

    def __init__(self, error: StoreError) -> None:
        self.error = error

    def on_page(self, guild_id: int, note_ids: object) -> NoReturn:
        raise self.error


def quote(note: Note) -> Quote:
    passage = values.file_passage(
        document_id=document_of_note(note.id), kind=Kind.NOTE, link="https://source.org/"
    )
    return Quote(passage.text, citation(passage), Hit(passage, 0.9, 0.8, 0.8, 0.5, ()))


def test_a_citation_links_the_page_or_the_source(note: tuple[Store, Note]) -> None:
    store, live = note
    links = PageLinks(store, SETTINGS)
    [linked] = links.link(GUILD, [quote(live)])
    assert linked.citation.link == f"https://{GUILD}.example.org/notes/{live.id}/"
    for other in (GUILD + 1, None):
        assert links.link(other, [quote(live)]) == (quote(live),)


def test_citations_keep_their_links_in_an_outage(note: tuple[Store, Note]) -> None:
    store, live = note
    store.public_notes = Unread(DatabaseAwayError("Away."))
    quotes = (quote(live),)
    assert PageLinks(store, SETTINGS).link(GUILD, quotes) == quotes
    store.public_notes = Unread(StoreError("Damaged."))
    with pytest.raises(StoreError, match="Damaged"):
        PageLinks(store, SETTINGS).link(GUILD, quotes)

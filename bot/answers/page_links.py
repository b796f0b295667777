"""Links from citations to the guild's public page, if the page has the note or article now."""

from collections.abc import Collection
from dataclasses import replace

from bot.answers.outcome import Quote
from bot.config.settings import PageSettings
from knowledge.page.site import article_url, page_url
from knowledge.store.database import DatabaseAwayError
from knowledge.store.store import Store
from knowledge.values.documents import article_of_document, note_of_document


class PageLinks:
    """URLs of notes and articles on public pages, looked up for each display and never cached."""

    def __init__(self, store: Store, settings: PageSettings) -> None:
        self._store = store
        self._settings = settings

    def of(self, guild_id: int | None, note_ids: Collection[int]) -> dict[int, str]:
        """URLs of notes on the guild's public page, by note id.

        Notes missing from the page are left out. Empty if the settings have no base URL.
        """
        if not (self._settings.base_url and guild_id and note_ids):
            return {}
        base_url = self._settings.url_of(guild_id)
        public = self._store.public_notes.on_page(guild_id, note_ids)
        return {note_id: page_url(base_url, note_id) for note_id in public}

    def link(self, guild_id: int | None, quotes: Collection[Quote]) -> tuple[Quote, ...]:
        """Return the quotes. A quoted text that is on the guild's public page is linked there.

        Other quotes keep their links. During an outage of the database, all quotes do.
        """
        try:
            urls = self._urls(guild_id, {quote.citation.document_id for quote in quotes})
        except DatabaseAwayError:
            urls = {}
        return tuple(
            replace(quote, citation=replace(quote.citation, link=url))
            if (url := urls.get(quote.citation.document_id))
            else quote
            for quote in quotes
        )

    def _urls(self, guild_id: int | None, document_ids: Collection[str]) -> dict[str, str]:
        """URLs of these documents on the guild's public page, by document id."""
        notes = {key: note_id for key in document_ids if (note_id := note_of_document(key))}
        urls = self.of(guild_id, list(notes.values()))
        found = {key: urls[note_id] for key, note_id in notes.items() if note_id in urls}
        articles = {key: name for key in document_ids if (name := article_of_document(key))}
        with_articles = self._settings.articles and self._settings.base_url and guild_id
        if articles and with_articles and self._store.guilds.settings(guild_id or 0).page:
            base_url = self._settings.url_of(guild_id or 0)
            found |= {key: article_url(base_url, name) for key, name in articles.items()}
        return found

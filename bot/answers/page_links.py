"""Links from the citations of notes to the guild's public page, if the page has the note now."""

from collections.abc import Collection
from dataclasses import replace
from typing import TypeVar

from bot.answers.outcome import Answer, Quote
from bot.config.sections import PageSettings
from knowledge.page.site import page_url
from knowledge.store.database import DatabaseAwayError
from knowledge.store.store import Store
from knowledge.values.documents import Kind, note_of_document

_Outcome = TypeVar("_Outcome")


class PageLinks:
    """URLs of notes on public pages, looked up for each display and never cached."""

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

    def linked(self, guild_id: int | None, quotes: Collection[Quote]) -> tuple[Quote, ...]:
        """Return the quotes. A quoted note that is on the guild's public page is linked there.

        Other quotes keep their links. During an outage of the database, all quotes do.
        """
        ids = {
            quote.citation.document_id: note_of_document(quote.citation.document_id)
            for quote in quotes
            if quote.citation.kind is Kind.NOTE
        }
        try:
            urls = self.of(guild_id, [one for one in ids.values() if one is not None])
        except DatabaseAwayError:
            urls = {}
        found = []
        for quote in quotes:
            url = urls.get(ids.get(quote.citation.document_id) or 0)
            cited = replace(quote.citation, link=url) if url else quote.citation
            found.append(replace(quote, citation=cited))
        return tuple(found)

    def linked_outcome(self, guild_id: int | None, outcome: _Outcome) -> _Outcome:
        """Apply `linked` to the quotes of an answer. Return any other outcome unchanged."""
        if not isinstance(outcome, Answer):
            return outcome
        return replace(outcome, quotes=self.linked(guild_id, outcome.quotes))

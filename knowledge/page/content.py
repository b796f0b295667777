"""Selection of a site's content: a guild's public notes, and the bundled articles.

`knowledge.store.notes.public_notes` selects live texts with consent. Channels and chat exports
aren't read. Public questions are only counted.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Final

from knowledge import corpus
from knowledge.page.site import (
    DEFAULT_ACCENT,
    PublishedNote,
    PublishedPicture,
    Site,
    article_address,
    note_address,
)
from knowledge.store.notes.public_notes import PublicNote
from knowledge.store.store import Store
from knowledge.values.documents import Document, article_of_document, document_of_note
from knowledge.values.notes import Picture

_RELATED: Final = 5
# Neighbours under the same tag compared on either side: a tag can be on all 10,000 notes.
_BESIDE: Final = 12


def site_of_guild(
    store: Store,
    guild_id: int,
    name: str,
    *,
    icon: Picture | None = None,
    invite: str = "",
    base_url: str = "",
) -> Site:
    """The present content of a guild's site; no notes if the page is off or the bot has left."""
    settings = store.guilds.settings(guild_id)
    notes = store.public_notes.of_guild(guild_id)
    asked, related = store.public_notes.times_asked(guild_id), _related_notes(notes)
    return Site(
        name,
        settings.language,
        settings.page_welcome,
        settings.page_accent or DEFAULT_ACCENT,
        icon,
        invite,
        base_url,
        settings.page_indexed,
        tuple(
            _note(note, asked.get(document_of_note(note.id), 0), related[note.id]) for note in notes
        ),
        tuple(map(note_address, store.public_notes.formerly_public(guild_id))),
    )


def _note(note: PublicNote, asked: int, related: Sequence[int]) -> PublishedNote:
    said = note.submission
    return PublishedNote(
        note_address(note.id),
        said.title,
        said.text,
        said.tags,
        (note.verified_at or note.updated_at).date(),
        note.updated_at,
        note.first_at,
        note.previous_at.date() if note.previous_at else None,
        link=said.link,
        related=tuple(map(note_address, related)),
        asked_count=asked,
        contributor=", ".join(note.names) or None,
        pictures=tuple(PublishedPicture(digest, kind) for digest, kind in note.pictures),
    )


def _related_notes(notes: Sequence[PublicNote]) -> dict[int, list[int]]:
    """Ids of the nearest notes of each note, by tags in common; rare tags count more."""
    tagged: dict[str, list[int]] = defaultdict(list)
    for note in notes:
        for tag in note.submission.tags:
            tagged[tag].append(note.id)
    places = {
        tag: {note_id: place for place, note_id in enumerate(ids)} for tag, ids in tagged.items()
    }
    found: dict[int, list[int]] = {}
    for note in notes:
        near: dict[int, float] = defaultdict(float)
        for tag in note.submission.tags:
            place = places[tag][note.id]
            beside = tagged[tag][max(place - _BESIDE, 0) : place + _BESIDE + 1]
            for other in beside:
                near[other] += 1 / len(tagged[tag])
        near.pop(note.id, None)
        best = sorted(near, key=lambda note_id: (-near[note_id], note_id))
        found[note.id] = best[:_RELATED]
    return found


def add_articles(site: Site) -> Site:
    """Add the bundled articles to a site."""
    notes = [*site.notes]
    for article in corpus.articles():
        if isinstance(article, Document):
            verified = article.verified or date.min
            moment = datetime.combine(verified, time(), UTC)
            address = article_address(article_of_document(article.id))
            notes.append(
                PublishedNote(
                    address, article.title, article.text, article.tags, verified, moment, moment
                )
            )
    return replace(site, notes=tuple(notes))

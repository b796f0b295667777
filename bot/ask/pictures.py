"""Pictures of the notes that an answer quotes, looked up when it is shown and never cached."""

from collections.abc import Iterable

from bot.answers.decision import Answer, Citation
from bot.answers.pipeline import Reply
from bot.core.core import Core
from indexer.index.stored_passage import StoredPassage
from knowledge.values.documents import Kind, note_of_document
from knowledge.values.pictures import PICTURES, Picture


def quoted_notes(reply: Reply) -> list[Citation]:
    """The citations of notes in a reply."""
    quotes = reply.outcome.quotes if isinstance(reply.outcome, Answer) else ()
    return [quote.citation for quote in quotes if quote.citation.kind is Kind.NOTE]


def pictures_of(core: Core, quoted: Iterable[Citation | StoredPassage]) -> tuple[Picture, ...]:
    """The pictures of quoted notes, as far as what was quoted of them is still live."""
    found: list[Picture] = []
    for one in quoted:
        number = note_of_document(one.document_id)
        note = core.store.notes.live(number) if number is not None else None
        if note is not None and note.revision.number == one.revision:
            found += core.store.pictures.of(note.revision.id)
    return tuple(dict.fromkeys(found))[:PICTURES]

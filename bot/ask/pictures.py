"""Pictures of the notes that an answer quotes, looked up when it is shown and never cached."""

from bot.answers.decision import Answer
from bot.answers.pipeline import Reply
from bot.engine.core import Core
from knowledge.model.documents import Kind
from knowledge.model.pictures import PICTURES, Picture


def quoted_notes(reply: Reply) -> list[tuple[int, int | None]]:
    """The notes that a reply quotes, each with the number of the revision."""
    if not isinstance(reply.outcome, Answer):
        return []
    return [
        (int(quote.citation.document_id.removeprefix("note:")), quote.citation.revision)
        for quote in reply.outcome.quotes
        if quote.citation.kind is Kind.NOTE
    ]


def quoted_pictures(core: Core, reply: Reply) -> tuple[Picture, ...]:
    """The pictures of the quoted notes, as far as what was quoted of them is still live."""
    found: list[Picture] = []
    for note_id, number in quoted_notes(reply):
        note = core.store.notes.live(note_id)
        if note is not None and note.revision.number == number:
            found += core.store.pictures.of(note.revision.id)
    return tuple(dict.fromkeys(found))[:PICTURES]

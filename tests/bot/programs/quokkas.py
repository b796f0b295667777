"""Documents of every scope on one subject, and a core that has them."""

from bot.config.settings import Settings
from bot.core.core import Core
from bot.programs.service import public_id
from indexer.ingest import pipeline
from knowledge.values.documents import SHARED, Document, Kind, Scope, channel_scope
from tests.fakes import WordEmbedder

QUESTION = "Does the quokka enclosure open at seven?"
TEXT = "The quokka enclosure of {place} opens at seven."
HERE, ELSEWHERE, CHANNEL = 10, 20, 30
SCOPES = {
    "shared": SHARED,
    "here": Scope(HERE),
    "elsewhere": Scope(ELSEWHERE),
    "channel": channel_scope(CHANNEL),
}


def shown(name: str) -> str:
    """The public id of one of these documents."""
    return public_id(f"file:/{name}.md")


def quokka_document(name: str) -> Document:
    return Document(
        id=f"file:/{name}.md",
        kind=Kind.FILE,
        title=f"Quokkas {name}",
        text=TEXT.format(place=name),
        scope=SCOPES[name],
    )


def filled(settings: Settings) -> Core:
    core = Core(settings, WordEmbedder())
    documents = map(quokka_document, SCOPES)
    for _ in pipeline.update(core.index, core.embedder, documents, kinds={Kind.FILE}):
        pass
    return core

"""Stored passage: a passage in the index, with the document's data needed for a citation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

from indexer.text.passages import Passage, document_language, with_titles, without_link_targets
from knowledge.languages.detection import language_of
from knowledge.languages.vocabularies import ENGLISH
from knowledge.values.documents import Document, Kind, Scope

# A document's data, stored as JSON beside its passages.
_CITED: Final = (
    "title",
    "link",
    "tags",
    "contributor",
    "verified",
    "revision",
    "approved_by",
    "wordings",
)

SELECT: Final = (
    "select p.id, p.document_id, p.scope, d.kind, p.position, p.heading, p.text, p.section, "
    "p.separator, p.contents, l.fragment, d.metadata from passages p "
    "join documents d on d.id = p.document_id left join passage_lines l on l.passage_id = p.id"
)


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage in the index. Its `link` leads to its lines or heading, if these are known.

    `section`, `separator` and `is_contents` are as in `Passage`. Until a document of an earlier
    release is cut anew, its sections have the number -1.
    """

    id: int
    document_id: str
    scope: Scope
    kind: Kind
    position: int
    heading: str
    text: str
    title: str
    link: str
    tags: tuple[str, ...]
    contributor: str
    verified: date | None
    revision: int | None
    approved_by: str
    wordings: tuple[str, ...] = ()
    document_language: str = ENGLISH
    section: int = -1
    separator: str = ""
    is_contents: bool = False

    @property
    def language(self) -> str:
        """The language of the embedded text, and of its stems."""
        return language_of(self.embedded, self.document_language)

    @property
    def embedded(self) -> str:
        """The embedded text, the same as `Passage.embedded`."""
        text = with_titles(self.title, self.heading, without_link_targets(self.text))
        return "\n".join((text, *self.wordings))

    @classmethod
    def of(cls, passage_id: int, document: Document, passage: Passage) -> Self:
        cited = [getattr(document, name) for name in _CITED]
        return cls(
            passage_id,
            document.id,
            document.scope,
            document.kind,
            passage.position,
            passage.heading,
            passage.text,
            *(
                *(*cited, passage.document_language),
                *(passage.section, passage.separator, passage.is_contents),
            ),
        )


def metadata(document: Document) -> str:
    cited = {name: getattr(document, name) for name in _CITED}
    language = document_language(document)
    return json.dumps({**cited, "language": language}, ensure_ascii=False, default=str)


def title_and_link(metadata_text: str) -> tuple[str, str]:
    """The title and link in a document's stored metadata."""
    cited = json.loads(metadata_text)
    return cited["title"] or "", cited["link"] or ""


def folded_tags(metadata_text: str) -> set[str]:
    """The tags in a document's stored metadata, case-folded."""
    return {tag.casefold() for tag in json.loads(metadata_text)["tags"]}


def of_row(row: Sequence[Any]) -> StoredPassage:
    passage_id, document_id, scope, kind, position, heading, text, *more = row
    section, separator, contents, fragment, cited_text = more
    cited = json.loads(cited_text)
    if fragment:
        cited["link"] = f"{cited['link']}#{fragment}"
    cited["tags"], cited["wordings"] = tuple(cited["tags"]), tuple(cited.get("wordings", ()))
    cited["verified"] = date.fromisoformat(cited["verified"]) if cited["verified"] else None
    return StoredPassage(
        passage_id,
        document_id,
        Scope(scope),
        Kind(kind),
        position,
        heading,
        text,
        *(
            *(cited[name] for name in _CITED),
            *(cited.get("language", ENGLISH), section, separator, bool(contents)),
        ),
    )

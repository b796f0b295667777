"""Import of another bot's tags: each becomes a pending note of the member who imports them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from knowledge.files.foreign_tags import ForeignTag
from knowledge.store.store import Store
from knowledge.values.notes import Member
from knowledge.values.submissions import (
    WORDING_CHARACTERS,
    WORDINGS,
    InvalidNoteError,
    Submission,
    checked_submission,
)

# Notes of one transaction, during which a question waits.
_SLICE: Final = 20


@dataclass(slots=True)
class TagImport:
    """The result of an import so far; other valid tags than the `new` ones were imported before."""

    new: int = 0
    known: int = 0
    refused: list[tuple[str, InvalidNoteError]] = field(default_factory=list)


def import_tags(
    store: Store, guild_id: int, member: Member, channel_id: int, tags: Sequence[ForeignTag]
) -> Iterator[TagImport]:
    """Propose tags as notes in slices; yields the result so far."""
    result = TagImport()
    for start in range(0, len(tags), _SLICE):
        submissions = []
        for tag in tags[start : start + _SLICE]:
            try:
                submissions.append(_submission(tag))
            except InvalidNoteError as error:
                result.refused.append((tag.name, error))
        new = store.imports.propose(guild_id, member, channel_id, submissions)
        result.new += new
        result.known += len(submissions) - new
        yield result


def _submission(tag: ForeignTag) -> Submission:
    """The note of a tag. Of its aliases, as many as a note can have become other ways to ask."""
    askable = [
        alias
        for alias in dict.fromkeys(" ".join(alias.split()) for alias in tag.aliases)
        if len(alias) <= WORDING_CHARACTERS
        and any(map(str.isalnum, alias))
        and alias.casefold() != " ".join(tag.name.split()).casefold()
    ]
    return checked_submission(tag.name, tag.text, wordings="\n".join(askable[:WORDINGS]))

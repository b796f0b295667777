"""Tombstones: records of permanent deletions, and of members' choices about quotation."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self


class TombstoneKind(StrEnum):
    """Kinds of permanent deletion, and of members' choices about quotation.

    `MEMBER_AND_NOTES`: the member's live notes were withdrawn, too. `OPTED_OUT` deletes nothing,
    and `OPTED_IN` takes it back. These choices have tombstones so that a restore doesn't undo them.
    """

    MEMBER = "member"
    MEMBER_AND_NOTES = "member_and_notes"
    NOTE = "note"
    QUESTION = "question"
    GUILD = "guild"
    OPTED_OUT = "member_unread"
    OPTED_IN = "member_read"


FORGOTTEN: Final = frozenset({TombstoneKind.MEMBER, TombstoneKind.MEMBER_AND_NOTES})
# Choices can be taken back, and delete nothing.
CHOICES: Final = frozenset({TombstoneKind.OPTED_OUT, TombstoneKind.OPTED_IN})
MEMBERS: Final = FORGOTTEN | CHOICES


@dataclass(frozen=True, slots=True, order=True)
class Tombstone:
    """A deletion or choice with its time. `subject` is an id, or a member's digest.

    A subject can have several tombstones: a member may come back and be forgotten again.
    """

    at: str
    kind: TombstoneKind
    subject: str

    @classmethod
    def of(cls, at: str, kind: str, subject: str) -> Self | None:
        """Make a tombstone of a record's values. Return None if the kind or subject isn't valid."""
        known = kind in list(TombstoneKind) and (kind in MEMBERS or subject.isdecimal())
        return cls(at, TombstoneKind(kind), subject) if known else None

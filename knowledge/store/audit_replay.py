"""Where every note stands according to the log alone. Pure.

The log says what was done; replayed from its beginning it must lead to what the tables say. Where
it does not, one of the two was changed behind the bot's back.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from knowledge.model.records import LogEntry, State


@dataclass(slots=True)
class Standing:
    """A note as the log tells it: its revisions' states, which one is live, which retired."""

    guild_id: int
    states: dict[int, State] = field(default_factory=dict)
    live: int | None = None
    retired: int | None = None


_OUTCOMES = {
    "rejected": State.REJECTED,
    "duplicate": State.REJECTED,
    "changes_requested": State.CHANGES_REQUESTED,
}
# What is deleted for good is nowhere any more, whatever was done to it before.
PURGED: Final = "purged"
NOTE_DELETED: Final = "note_deleted"
_PUBLISHED = frozenset({"approved", "published_at_once", "rolled_back"})


def replayed(entries: Iterable[LogEntry]) -> dict[int, Standing]:
    """Every note in the log, by id, as it stands after the last of these entries."""
    notes: dict[int, Standing] = {}
    for entry in entries:
        detail: dict[str, Any] = json.loads(entry.detail)
        if entry.event == PURGED:
            notes = {key: note for key, note in notes.items() if note.guild_id != entry.guild_id}
        elif entry.event == NOTE_DELETED:
            notes.pop(detail["note"], None)
        elif "revision" in detail and entry.guild_id is not None:
            standing = notes.setdefault(detail["note"], Standing(entry.guild_id))
            _apply(standing, entry.event, detail["revision"], detail)
    return notes


def _apply(note: Standing, event: str, revision: int, detail: dict[str, Any]) -> None:
    if event in {"proposed", "revised"}:
        note.states[revision] = State.PENDING
        for replaced in detail.get("replaced", ()):
            note.states[replaced] = State.WITHDRAWN
    elif event in _PUBLISHED:
        note.states[revision] = State.APPROVED
        note.live, note.retired = revision, None
    elif event in _OUTCOMES:
        note.states[revision] = _OUTCOMES[event]
    elif event == "withdrawn":
        note.states[revision] = State.WITHDRAWN
        note.live = None if note.live == revision else note.live
        note.retired = None if note.retired == revision else note.retired
    elif event == "retired":
        note.live, note.retired = None, revision
    elif event == "restored":
        note.live, note.retired = revision, None
    elif event == "undone":
        if note.states[revision] is State.APPROVED:
            note.live, note.retired = detail["live"], detail["retired"]
        note.states[revision] = State.PENDING

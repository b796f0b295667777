"""List projection of notes, without their texts: for lists, autocomplete and source messages."""

import json
from dataclasses import dataclass
from datetime import datetime

from knowledge.model.notes import State
from knowledge.store.database import CommunityDatabase
from knowledge.store.sqlite_file import record


@dataclass(frozen=True, slots=True)
class ListedNote:
    """A note as it is chosen from a list.

    `title` and `state` are those of the latest revision, which only its contributor and moderators
    may see; `live_title` and `tags` those of the live one. Without a live one, `live_title` is
    None.
    """

    id: int
    contributor_id: int
    title: str
    state: State
    live_title: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """A message that a note was saved from, and when the first one was."""

    message_id: int
    channel_id: int
    saved_at: datetime


class NoteList:
    """Lists of the notes in the community database."""

    def __init__(self, database: CommunityDatabase) -> None:
        self._database = database

    def notes(self, guild_id: int) -> list[ListedNote]:
        rows = self._database.rows(
            "select n.id, n.contributor_id, latest.title, latest.state, live.title as live_title, "
            "coalesce(live.tags, '[]') as tags from notes n "
            "join revisions latest on latest.id = "
            "(select max(id) from revisions where note_id = n.id) "
            "left join revisions live on live.id = n.live_revision_id "
            "where n.guild_id = ? order by n.id desc",
            [guild_id],
        )
        return [
            record(ListedNote, row, state=State(row["state"]), tags=tuple(json.loads(row["tags"])))
            for row in rows
        ]

    def watched(self) -> list[Watched]:
        rows = self._database.rows(
            "select source_message_id, source_channel_id, min(created_at) as saved_at from notes "
            "where source_message_id is not null group by source_message_id"
        )
        return [
            Watched(
                row["source_message_id"],
                row["source_channel_id"],
                datetime.fromisoformat(row["saved_at"]),
            )
            for row in rows
        ]

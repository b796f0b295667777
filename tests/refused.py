"""The refused questions of a store, read from its tables."""

from knowledge.store.store import Store
from knowledge.values.questions import Question


def refused_questions(store: Store, guild_id: int | None) -> list[Question]:
    """The refused questions of a guild (None: of direct messages), newest first."""
    rows = store.database.rows(
        "select id from questions where guild_id is not distinct from ? and evidence = 'none' "
        "order by id desc",
        [guild_id],
    )
    found = (store.question_records.question(row["id"]) for row in rows)
    return [question for question in found if question is not None]

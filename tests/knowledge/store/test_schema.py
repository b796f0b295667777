"""Facts declared in the schema: checks of imported values, and what a migration may add."""

from dataclasses import fields
from pathlib import Path

import pytest

from knowledge.store import schema
from knowledge.store.store import Store
from knowledge.values.settings import EffectiveSettings, GuildSettings, facts_of
from knowledge.values.synonyms import SYNONYMS

# Every column with more than its type's promise, besides times and settings; nonsense in it would
# break readers.
CHECKED = {
    "digests": "edition",
    "feedback": "reason_code",
    "handed_on": "standing",
    "helped_questions": "post_state similar_ids state",
    "log": "detail id number",
    "members": "key",
    "notes": "id source_change",
    "note_checks": "id reason state",
    "notices": "event id",
    "phrasings": "chosen lines places verdicts",
    "questions": "answered_from channels evidence id quotations signals",
    "reports": "id",
    "reviews": "before decision id",
    "revisions": "id number tags wordings",
    "rules": "review_after_days",
    "channels": "id",
    "tombstones": "kind",
}


def test_nonsense_is_refused_in_every_column_with_a_check(tmp_path: Path) -> None:
    with Store(tmp_path / "community.db") as store:
        refused = {}
        for table in set(store.database.tables()) - schema.unexported_tables():
            rows = store.database.rows("select name, type from pragma_table_info(?)", [table])
            wrong = {row["name"]: -1 if row["type"] == "INTEGER" else "nonsense" for row in rows}
            found = {name for name, each in wrong.items() if not schema.is_valid(table, name, each)}
            times = {name for name in wrong if name == "at" or name.endswith("_at")}
            assert times <= found
            refused[table] = " ".join(sorted(found - times))
    of_guilds, of_channels = refused.pop("guilds").split(), refused.pop("channel_settings").split()
    # Of the others, every value of their type is valid.
    free = {bool, bool | None, int | None, str}
    known = {"guild_id", "page_accent"} | {
        field.name for field in fields(GuildSettings) if field.type not in free
    }
    assert {"guild_id" if name == "id" else name for name in of_guilds} == known
    assert {*of_channels} == {
        name
        for name in facts_of(EffectiveSettings)
        if not isinstance(getattr(EffectiveSettings(), name), bool)
    }
    assert {table: found for table, found in refused.items() if found} == CHECKED


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("synonyms", '[["alone"]]'),
        ("synonyms", str([[f"a{n}", f"b{n}"] for n in range(SYNONYMS + 1)]).replace("'", '"')),
        ("allowed_hosts", "[1]"),
        ("listen_channels", '["general"]'),
        ("listen_channels", "{}"),
        ("undo_minutes", 1_000_001),
    ],
)
def test_lists_have_the_right_elements_and_numbers_an_end(column: str, value: object) -> None:
    assert not schema.is_valid("guilds", column, value)


@pytest.mark.parametrize(
    "sql",
    [
        "text not null",
        "text unique",
        "integer references notes(id)",
        "integer default 0 check (link > 0)",
        "integer primary key",
    ],
)
def test_column_breaking_a_release_is_refused(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    notes = schema.Table({"link": schema.PLAIN.added("m999", sql)})
    monkeypatch.setattr(schema, "TABLES", {"notes": notes})

    with pytest.raises(ValueError, match=r"notes\.link would break"):
        list(schema.statements("m999"))


@pytest.mark.parametrize(
    ("table", "kind"), [("guilds", GuildSettings), ("channel_settings", EffectiveSettings)]
)
def test_declared_settings_are_table_columns(tmp_path: Path, table: str, kind: type) -> None:
    with Store(tmp_path / "community.db") as store:
        rows = store.database.rows("select * from pragma_table_info(?)", [table])
    found = {
        row["name"]: row["type"].lower()
        + (f" not null default {row['dflt_value']}" if row["notnull"] and not row["pk"] else "")
        for row in rows
    }

    settings = {name: schema.TABLES[table].columns[name].sql for name in facts_of(kind)}

    # An empty text stands for no limits.
    assert settings | ({"limits": found["limits"]} if table == "guilds" else {}) == {
        name: found[name] for name in settings
    }
    assert (
        not found.keys()
        - settings.keys()
        - {*("id", "left_at", "reminded_at"), *("channel_id", "guild_id")}
    )

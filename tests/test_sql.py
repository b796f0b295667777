"""SQL is written once, in what SQLite and PostgreSQL both understand; these are words of one alone.

Both run every statement in the tests of the tables. This finds what means something else in the
other one without failing there, or is on a way that no test takes, and says what to write instead.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Whose statements both databases run.
COMMON = (
    "knowledge/store",
    "knowledge/backup/exporter.py",
    "knowledge/discord_archive",
    "knowledge/sources/entries.py",
    "indexer/index",
    "indexer/ingest",
)
# What is of one database alone: its connections, its URLs, its files and its tables.
OWN = (
    "knowledge/store/sqlite_database.py",
    "knowledge/store/sqlite_file.py",
    "knowledge/store/migrations.py",
    "knowledge/store/database_url.py",
    "knowledge/store/postgres/",
    "knowledge/store/tables/",
    "knowledge/discord_archive/tables.sql",
    "knowledge/discord_archive/postgres",
    "indexer/index/sqlite_file.py",
    "indexer/index/postgres",
)
# In PostgreSQL's tables of an index and of pages, a column is called so.
ALLOWED = {("indexer/index/tables.py", "rowid"), ("knowledge/sources/entries.py", "rowid")}

# A statement, or a part of one; sentences have none of these words.
_SQL = re.compile(
    r"\bselect\b|\binsert (?:into|or)\b|\bupdate \w+ set\b|\bdelete from\b|\bpragma \w"
    r"|\b(?:order|group) by\b|\bin \(|\w (?:=|==|!=|<|>|<=|>=) |\?|\bnot null\b"
    r"|\bis (?:not )?(?:null|distinct)\b|\bjoin \w+ \w+ on\b"
)
_ENDS = r"\s*(?:$|\)|\b(?:and|or|then|order|group|limit|as)\b)"
_WORDS = r"\b(?:exists|not|case|null|true)\b"

FOREIGN = {
    r"\binsert or\b": "`on conflict (…) do nothing`, or `do update set`",
    r"\bon conflict do update\b": "the columns: `on conflict (…)`",
    r"\b_?rowid_?\b": "a column of the table",
    r"\bjson_\w+\(|->": "Python, or a table",
    r"\bis (?:not )?(?!null\b|not\b|distinct\b)[\w?]": "`is (not) distinct from`",
    r"\?\d|\W[:@$][a-z]": "one `?` for each value",
    r"\bsum\([^)]*(?:[=<>]| in | is | like )": "`count(*) filter (where …)`",
    r"\b(?:max|min)\([^()]*,": "`case when`, or Python",
    r"\b(?:glob|like|match|regexp)\b": "`substr`, or Python: what is equal differs",
    r"\bgroup_concat\b|\bstring_agg\b|\barray_": "rows, and Python",
    r"\b(?:ifnull|iif|typeof|instr|printf|unixepoch|julianday|strftime|total|changes)\(": "Python",
    r"\b(?:date|datetime|time|now)\(|\bcurrent_(?:date|time)": "a value that Python gives",
    r"\bpragma\b|\bsqlite_\w+|\bpg_\w+": "a method of the database",
    r"\bcollate\b|\brandom\(": "an order that is the same everywhere",
    r"==": "`=`",
    r"\blimit -": "a number, or no limit",
    r"::|\bilike\b|\bany\(|\blateral\b|\bdistinct on\b": "what SQLite understands, too",
    rf"\b(?:and|or|where|not|when) (?!{_WORDS})(?:\w+\.)?[a-z_]+{_ENDS}": (
        "a comparison: `flag = 1`"
    ),
    r"\block\b|\bfor (?:update|share)\b": "`writing()`",
}


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module that are no docstrings, put together; `{}` for what is filled in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(map(str, parts))


def _statements() -> Iterator[tuple[str, str]]:
    for each in COMMON:
        place = ROOT / each
        found = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in found:
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(OWN):
                continue
            if path.suffix == ".py":
                for line, text in _texts(path):
                    if _SQL.search(text):
                        yield f"{name}:{line}", text
            elif path.suffix == ".sql":
                yield name, re.sub(r"--.*", "", path.read_text(encoding="utf-8"))


def _foreign(sql: str) -> list[tuple[str, str]]:
    """The words that one database alone understands, each with what to write instead."""
    # What stands in quotation marks is a value.
    plain = " ".join(re.sub(r"'(?:[^']|'')*'", "''", sql).split())
    return [
        (found[0], instead)
        for pattern, instead in FOREIGN.items()
        for found in re.finditer(pattern, plain)
    ]


def test_no_statement_says_what_one_database_alone_understands() -> None:
    found = [
        (place, word, f"write {instead}")
        for place, sql in _statements()
        for word, instead in _foreign(sql)
        if (place.partition(":")[0], word) not in ALLOWED
    ]
    assert not found


def test_statements_are_looked_at_wherever_they_are() -> None:
    places = {place.partition(":")[0] for place, _ in _statements()}
    assert {
        "knowledge/store/notes/note_records.py",
        "knowledge/store/questions/gaps.py",
        "knowledge/store/erasure/personal_data.sql",
        "knowledge/backup/exporter.py",
        "indexer/index/tables.py",
    } <= places
    assert not any(place.startswith(OWN) for place in places)


@pytest.mark.parametrize(
    "sql",
    [
        "insert or ignore into guilds (id) values (?)",
        "insert into t (a) values (?) on conflict do update set a = 1",
        "select * from sources order by rowid",
        "select * from t where id in (select value from json_each(?))",
        "select * from t where a is ?",
        "select * from t where a is not t.b",
        "select * from t where a = ?1",
        "select sum(a = 1) from t",
        "update t set a = max(a, ?)",
        "select * from t where a like 'x%'",
        "select ifnull(a, 0) from t",
        "select datetime('now')",
        "pragma secure_delete = on",
        "select * from t limit -1",
        "select * from t where not t.flag and b = 1",
        "select * from t where flag order by id",
        "select * from t where (a = 1 or flag)",
        "select case when flag then 1 else 2 end from t",
        "select a::text from t",
    ],
)
def test_what_one_database_alone_understands_is_found(sql: str) -> None:
    assert _SQL.search(sql)
    assert _foreign(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select a from t where a is null and b is not null and c is distinct from ? order by a, b",
        "select count(*) filter (where a = ?) as n from t where flag = 1 or not exists (select 1)",
        "insert into t (a, b) values (?, ?) on conflict (a) do update set b = excluded.b",
        "select max(a) as a, coalesce(max(b), 0) from t where a not in (0, b) group by c",
        "select 1 from t where name = 'is ? like rowid'",
        "update t set a = case a when 'b' then 'c' else a end where a != '' limit ? offset ?",
    ],
)
def test_what_both_understand_is_not_found(sql: str) -> None:
    assert _foreign(sql) == []

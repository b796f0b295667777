"""Upgrade of an index database: symbols beside the words of passages put in without them."""

import secrets

from sqlite_utils import Database

from indexer.text.passages import with_titles, without_link_targets
from indexer.text.symbols import symbols


def has_symbols(db: Database) -> bool:
    sql = "select 1 from manifest where key = 'symbols'"
    return db.execute(sql).fetchone() is not None


def add_symbols(db: Database) -> None:
    """Put symbols beside the words of passages that an earlier release put in without them."""
    # Another process may have done it meanwhile.
    if has_symbols(db):
        return
    rows = db.execute(
        "select p.id, json_extract(d.metadata, '$.title'), p.heading, p.text "
        "from passages p join documents d on d.id = p.document_id"
    )
    found = [
        (" ".join(more), passage_id)
        for passage_id, title, heading, text in rows
        if (more := symbols(with_titles(title, heading, without_link_targets(text))))
    ]
    db.conn.executemany("update passages set words = ? || ' ' || words where id = ?", found)
    # What was saved of it in memory lacks them.
    db.execute("update manifest set value = ? where key = 'identity'", (secrets.token_hex(8),))
    db.execute("insert into manifest (key, value) values ('symbols', '1')")

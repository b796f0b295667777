"""Upgrade of an index database: symbols beside the words of passages put in without them."""

import secrets

from indexer.index.database import Connection
from indexer.index.stored_passage import title_and_link
from indexer.text.passages import with_titles, without_link_targets
from indexer.text.symbols import symbols


def has_symbols(db: Connection) -> bool:
    sql = "select 1 from manifest where key = 'symbols'"
    return db.one(sql) is not None


def add_symbols(db: Connection) -> None:
    """Put symbols beside the words of passages that an earlier release put in without them."""
    # Another process may have done it meanwhile.
    if has_symbols(db):
        return
    rows = db.rows(
        "select p.id, p.words, d.metadata, p.heading, p.text "
        "from passages p join documents d on d.id = p.document_id"
    )
    found = [
        (" ".join([*more, words]), passage_id)
        for passage_id, words, cited, heading, text in rows
        if (more := _symbols(title_and_link(cited)[0], heading, text))
    ]
    db.run_many("update passages set words = ? where id = ?", found)
    # What was saved of it in memory lacks them.
    db.run("update manifest set value = ? where key = 'identity'", (secrets.token_hex(8),))
    db.run("insert into manifest (key, value) values ('symbols', '1')")


def _symbols(title: str, heading: str, text: str) -> list[str]:
    return symbols(with_titles(title, heading, without_link_targets(text)))

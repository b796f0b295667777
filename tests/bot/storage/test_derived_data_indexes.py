"""Indexes are found, listed and deleted alike in a data folder and in a PostgreSQL database."""

from pathlib import Path

from bot.models.serving_model import delete_leftover_indexes
from bot.storage.data_folder import open_index
from bot.storage.derived_data import INDEX, delete_index, has_index, index_names, index_place
from indexer.ingest.pipeline import index_document
from knowledge.values.documents import SHARED
from tests.fakes import WordEmbedder
from tests.indexer.small_index import new_document
from tests.postgres import Cluster

OTHER = f"{INDEX}.0a1b2c3d"


def test_indexes_are_named_until_deleted(tmp_path: Path, database: str) -> None:
    embedder = WordEmbedder(64)
    assert index_names(tmp_path, database) == []
    for name in (INDEX, OTHER):
        with open_index(tmp_path, embedder, name, database) as index:
            index_document(index, embedder, new_document(name, "one word"))
    assert index_names(tmp_path, database) == [INDEX, OTHER]
    place = index_place(tmp_path, OTHER, database)
    assert has_index(place)
    assert delete_index(place)
    assert not has_index(place)
    assert index_names(tmp_path, database) == [INDEX]
    with open_index(tmp_path, embedder, INDEX, database) as index:
        assert index.size([SHARED]) == 1
    with open_index(tmp_path, embedder, OTHER, database) as index:
        assert index.size([SHARED]) == 0


def test_an_unused_index_is_deleted(tmp_path: Path, database: str) -> None:
    for name in (INDEX, OTHER):
        open_index(tmp_path, WordEmbedder(64), name, database).close()
    delete_leftover_indexes(tmp_path, database)
    assert index_names(tmp_path, database) == [INDEX]


def test_an_index_in_use_stays(tmp_path: Path, postgres_url: str) -> None:
    place = index_place(tmp_path, OTHER, postgres_url)
    embedder = WordEmbedder(64)
    with open_index(tmp_path, embedder, OTHER, postgres_url) as index:
        index_document(index, embedder, new_document("a", "one word"))
        assert not delete_index(place)
        delete_leftover_indexes(tmp_path, postgres_url)
        assert index.size([SHARED]) == 1
    assert delete_index(place)


def test_a_schema_that_is_no_index_is_neither_listed_nor_deleted(
    tmp_path: Path, postgres: Cluster, postgres_url: str
) -> None:
    postgres.execute("create schema index_bills", postgres_url)
    postgres.execute("create table index_bills.due (id int)", postgres_url)
    postgres.execute("create table public.manifest (id int)", postgres_url)
    assert index_names(tmp_path, postgres_url) == []
    assert not delete_index(index_place(tmp_path, "index.bills", postgres_url))
    assert postgres.execute("table index_bills.due", postgres_url) == []

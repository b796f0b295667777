"""Places of indexes, in a folder and in PostgreSQL, and derivations in this process."""

import contextlib
import io
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from indexer.embedding import derivation
from tests.indexer.small_index import Home, SchemaHome
from tests.postgres import Cluster

_numbers = itertools.count(1)


@pytest.fixture
def derivations(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """The requests to derivation processes; this process answers them."""
    requests = []

    def answer(command: str, asked: Mapping[str, Any]) -> Any:
        requests.append(asked)
        recipe = import_module(command.split()[1]).RECIPE
        output = io.StringIO()
        with monkeypatch.context() as replaced, contextlib.redirect_stdout(output):
            replaced.setattr(sys, "stdin", io.StringIO(json.dumps(asked)))
            derivation.serve(recipe)
        return json.loads(output.getvalue().splitlines()[-1])

    monkeypatch.setattr(derivation, "answer_of_process", answer)
    return requests


@pytest.fixture(scope="session")
def index_database(postgres: Cluster) -> str:
    """The URL of a database for schemas of many tests."""
    return postgres.empty()


@pytest.fixture
def schema_home(postgres: Cluster, index_database: str) -> Iterator[SchemaHome]:
    home = SchemaHome(index_database, f"index_{next(_numbers)}")
    yield home
    for [name] in postgres.execute("select nspname from pg_namespace", index_database):
        if f"{name}_".startswith(f"{home.schema}_"):
            postgres.execute(f"drop schema {name} cascade", index_database)


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A place for an index, and for others below it, with either database."""
    if request.param == "sqlite":
        return tmp_path
    found: SchemaHome = request.getfixturevalue("schema_home")
    return found

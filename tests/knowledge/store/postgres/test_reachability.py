import socket
from collections.abc import Iterator

import pytest

from knowledge.store.database import StoreError, is_away
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.reachability import is_down
from tests.postgres import Cluster


@pytest.fixture
def listening() -> Iterator[int]:
    """The port of a server that accepts connections and never replies."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_runs_is_not_down(postgres_url: str) -> None:
    assert not is_down(postgres_url)


def test_a_server_that_was_stopped_is(postgres: Cluster, postgres_url: str) -> None:
    postgres.execute("checkpoint")
    postgres.stop()
    try:
        assert is_down(postgres_url)
    finally:
        postgres.start()


def test_who_takes_connections_may_serve_others(listening: int) -> None:
    assert not is_down(f"postgresql://somebody@127.0.0.1:{listening}/kept?connect_timeout=1")


def test_all_of_several_hosts_must_be_down(listening: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    hosts = f"127.0.0.1:{free},127.0.0.1:{listening}"
    assert not is_down(f"postgresql://somebody@{hosts}/kept?connect_timeout=1")
    assert is_down(f"postgresql://somebody@127.0.0.1:{free},127.0.0.1:{free}/kept")


class _OtherError(Exception):
    """Another part's error."""


@pytest.mark.parametrize("kind", [StoreError, _OtherError])
def test_error_says_if_the_server_was_lost(
    postgres: Cluster, postgres_url: str, kind: type[Exception]
) -> None:
    connection = Connection(postgres_url, "kept", kind)
    with pytest.raises(kind) as refused, connection.reading():
        connection.run("create table kept (id int)")
    assert not is_away(refused.value)

    def write_while_it_is_lost() -> None:
        with connection.writing():
            postgres.cut(postgres_url)
            connection.run("create table kept (id int)")

    with pytest.raises(kind) as lost:
        write_while_it_is_lost()
    assert is_away(lost.value)
    connection.rows("select 1")
    postgres.cut(postgres_url)
    with pytest.raises(kind) as unknown:
        connection.run("create table kept (id int)")
    # It may be committed, so nobody may be told that nothing was changed.
    assert not is_away(unknown.value)
    connection.close()

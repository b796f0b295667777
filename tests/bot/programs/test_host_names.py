"""Names that a `Host` header may have."""

import pytest

from bot.programs.host_names import LOOPBACK, known_hosts, named_host


def test_what_listens_on_this_machine_alone_is_served_by_its_names_alone() -> None:
    assert known_hosts("127.0.0.1") == LOOPBACK
    assert known_hosts("::1", ["Example.org"]) == LOOPBACK | {"example.org"}
    assert known_hosts("0.0.0.0") == frozenset()  # noqa: S104 - nothing listens
    assert "example.org" in known_hosts("10.0.0.1", ["example.org"])


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (["LocalHost:8080"], "localhost"),
        (["127.0.0.1"], "127.0.0.1"),
        (["[::1]:8080"], "::1"),
        ([], ""),
        (["localhost", "localhost"], ""),
    ],
)
def test_a_name_is_read_without_its_port(headers: list[str], name: str) -> None:
    assert named_host(headers) == name

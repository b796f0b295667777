"""Names that a `Host` header may have."""

import pytest

from bot.config.host_names import LOOPBACK, allowed_hosts, host_without_port


def test_local_servers_allow_local_and_configured_names() -> None:
    assert allowed_hosts("127.0.0.1") == LOOPBACK
    assert allowed_hosts("::1", ["Example.org"]) == LOOPBACK | {"example.org"}
    assert allowed_hosts("0.0.0.0") == frozenset()  # noqa: S104 - nothing listens
    assert "example.org" in allowed_hosts("10.0.0.1", ["example.org"])


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
    assert host_without_port(headers) == name

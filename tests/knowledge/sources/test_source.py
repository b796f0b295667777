from itertools import product

import pytest

from knowledge.sources.source import token_variable


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com", "GITHUB_COM"),
        ("https://github.com:443/owner/name/issues", "GITHUB_COM"),
        ("https://wiki-example.org", "WIKI__2DEXAMPLE_ORG"),
        ("https://wiki.example.org:8443", "WIKI_EXAMPLE_ORG__3A8443"),
        ("http://wiki.lan", "WIKI_LAN__3A80"),
        ("http://[::1]:8080", "__5B__3A__3A1__5D__3A8080"),
    ],
)
def test_a_hosts_variable_is_named_as_documented(url: str, name: str) -> None:
    assert token_variable(url) == f"COMMONPLACE_SOURCE_TOKEN_{name}"


def test_no_two_hosts_or_ports_share_a_variable() -> None:
    hosts = {
        f"a{''.join(signs)}b" for length in range(5) for signs in product(".-_2d", repeat=length)
    }
    ports = ("", ":80", ":8080")
    urls = [f"https://{host}{port}" for host, port in product(sorted(hosts), ports)]
    assert len(set(map(token_variable, urls))) == len(urls)

"""Internal hosts: what an entry opens, and what no entry opens."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sources.net import addresses
from knowledge.sources.net.addresses import InternalHosts
from knowledge.sources.net.polite_fetcher import Failed, Fetched, Fetcher
from knowledge.sources.net.safe_network import RefusedError
from tests.knowledge.web_server import Reply, WebServer

HOSTS = InternalHosts.of(
    ["wiki.lan", "Docs.LAN:8080", "10.1.0.0/16", "[fd00:5::1]:3000", "127.0.0.1:8081", "localhost"]
)


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("wiki.lan", 80, "192.168.1.5"),
        ("wiki.lan.", 443, "fd12::5"),
        ("wiki.lan", 80, "8.8.8.8"),
        ("docs.lan", 8080, "172.16.0.9"),
        ("any.corp", 443, "10.1.255.9"),
        ("10.1.0.9", 80, "10.1.0.9"),
        ("any.corp", 80, "::ffff:10.1.0.9"),
        ("[fd00:5::1]", 3000, "fd00:5::1"),
        ("127.0.0.1", 8081, "127.0.0.1"),
        ("any.corp", 8081, "127.0.0.1"),
        ("localhost", 80, "::1"),
    ],
)
def test_what_is_named_may_be_connected_to(host: str, port: int, address: str) -> None:
    assert HOSTS.problem_with(host, port, address) == ""


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        # Other hosts, other ports, public addresses.
        ("other.lan", 80, "192.168.1.5"),
        ("wiki.lan.evil.org", 80, "192.168.1.5"),
        ("wiki.lan", 6379, "192.168.1.5"),
        ("docs.lan", 80, "172.16.0.9"),
        ("any.corp", 22, "10.1.0.9"),
        ("any.corp", 80, "10.2.0.1"),
        ("any.corp", 443, "8.8.8.8"),
        ("any.corp", 3000, "fd00:5::2"),
        # This machine, by a name that isn't its own.
        ("wiki.lan", 80, "127.0.0.1"),
        ("wiki.lan", 80, "::1"),
        ("wiki.lan", 80, "0.0.0.0"),  # noqa: S104 - judged, not listened on
        ("127.0.0.1", 9090, "127.0.0.1"),
        ("127.0.0.1", 8081, "127.0.0.2"),
        # An address inside another one.
        ("any.corp", 80, "::ffff:10.2.0.9"),
        ("any.corp", 80, "64:ff9b::10.1.0.9"),
        ("any.corp", 80, "2002:a01:9::1"),
        ("wiki.lan", 80, "::ffff:127.0.0.1"),
        ("wiki.lan", 80, "64:ff9b::a9fe:a9fe"),
        ("wiki.lan", 80, "no address"),
    ],
)
def test_nothing_else_may(host: str, port: int, address: str) -> None:
    assert HOSTS.problem_with(host, port, address)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "::ffff:169.254.169.254", "fe80::a9fe:a9fe", "168.63.129.16"),
        *("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42"),
        *("224.0.0.1", "255.255.255.255", "ff02::1", "::"),
    ],
)
def test_clouds_and_link_local_addresses_are_never_read(address: str) -> None:
    everything = ["wiki.lan", "100.64.0.0/10", "fc00::/7", "10.0.0.0/8", "127.0.0.0/8"]
    assert InternalHosts.of(everything).problem_with("wiki.lan", 80, address)


@given(st.ip_addresses())
def test_a_network_opens_nothing_but_itself(address: object) -> None:
    hosts = InternalHosts.of(["192.168.0.0/16"])
    opened = not hosts.problem_with("any.corp", 80, str(address))
    mapped = getattr(address, "ipv4_mapped", None) or address
    assert opened is str(mapped).startswith("192.168.")
    assert not opened or addresses.problem_with(str(address))


@pytest.mark.parametrize(
    "entry",
    [
        *(
            "169.254.169.254",
            "fe80::/10",
            "8.8.8.8",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/7",
            "224.0.0.1",
        ),
        *("http://wiki.lan/", "*.lan", "wiki lan", "", "1.2.3", "wiki.lan:x", "me@wiki.lan"),
        *("wiki.lan:0", "wiki.lan:70000"),
    ],
)
def test_an_entry_that_could_open_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r" is no (private network|name, address|port)"):
        InternalHosts.of([entry])


def test_a_source_is_internal_by_its_name_or_where_all_its_addresses_are() -> None:
    found = {
        "a.corp": ["10.1.0.1"],
        "b.corp": ["10.1.0.1", "8.8.8.8"],
        "c.corp": ["8.8.8.8"],
        "wiki.lan": ["192.168.1.5"],
    }

    def resolve(host: str, port: int) -> Sequence[str]:
        if host not in found:
            raise OSError
        return found[host]

    def has(url: str) -> bool:
        return HOSTS.has(url, resolve)

    for inside in (
        "http://a.corp/",
        "https://A.corp/x",
        "http://wiki.lan/",
        "http://docs.lan:8080/",
    ):
        assert has(inside)
    for other in ("b.corp", "c.corp", "d.corp", "a.corp:8080", "wiki.lan:8080", "docs.lan"):
        assert not has(f"http://{other}/")
    assert not InternalHosts().has("http://a.corp/", resolve)


# Requests.


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as made:
        made.pages["/robots.txt"] = Reply(headers={"Connection": "close"})
        made.pages["/"] = Reply("<h1>Hi</h1>", headers={"Connection": "close"})
        yield made


def fetcher(server: WebServer, *answers: str) -> Fetcher:
    """One for `docs.test` alone, whose name leads to one address after the other."""
    left = iter(answers)

    def resolve(host: str, port: int) -> Sequence[str]:
        return [next(left)]

    hosts = InternalHosts.of([f"127.0.0.1:{server.port}", f"docs.test:{server.port}"])
    return Fetcher(0, internal=hosts, resolve=resolve)


def test_a_page_of_an_internal_host_is_fetched(server: WebServer) -> None:
    with fetcher(server, "127.0.0.1", "127.0.0.1") as inside:
        assert isinstance(inside.fetch(server.url("/")), Fetched)


@pytest.mark.parametrize("second", ["127.0.0.2", "169.254.169.254", "::ffff:127.0.0.2"])
def test_an_internal_name_that_leads_elsewhere_a_moment_later_is_judged_anew(
    server: WebServer, second: str
) -> None:
    with fetcher(server, "127.0.0.1", second) as inside:
        told = inside.fetch(server.url("/"))
    assert isinstance(told, Failed)
    assert told.reason.startswith(f"leads to {second}, which ")
    assert server.paths == []


@pytest.mark.parametrize(
    ("host", "address"), [("other.test", "192.168.9.9"), ("public.test", "8.8.8.8")]
)
def test_a_redirect_from_an_internal_host_leads_to_no_other_place(
    server: WebServer, host: str, address: str
) -> None:
    server.pages["/"] = Reply(status=302, headers={"Location": f"http://{host}/secret"})
    with fetcher(server, "127.0.0.1", "127.0.0.1", address) as inside:
        told = inside.fetch(server.url("/"))
    assert told == Failed(f"leads to {address}, which `sources.internal` doesn't name with port 80")


def test_a_request_to_an_api_is_guarded_alike(server: WebServer) -> None:
    with (
        fetcher(server, "10.9.9.9") as inside,
        inside.connections(server.url("/")) as connections,
        pytest.raises(RefusedError, match=r"^leads to 10\.9\.9\.9, which `sources\.internal`"),
        connections.request("GET", server.url("/", "other.test"), []),
    ):
        pass

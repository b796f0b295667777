from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sources.net import addresses
from knowledge.sources.net.addresses import (
    InternalHosts,
    normal_url,
    problem_with,
    problem_with_literal,
    problem_with_url,
)
from knowledge.sources.net.polite_fetcher import Failed, Fetched, Fetcher
from knowledge.sources.net.safe_network import RefusedError
from tests.knowledge.web_server import Reply, WebServer


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://a.org/", "is no http or https address"),
        ("file:///etc/passwd", "is no http or https address"),
        ("http:///x", "names no host"),
        ("http://me:secret@a.org/", "has a name or password in it"),
        ("http://[broken", "is no valid address"),
        ("https://a.exxn--/", "is no valid address"),
        ("https://a.org/" + "x" * 3_000, "is longer than 2,000 characters"),
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url: str, told: str) -> None:
    assert problem_with_url(url) == told


def test_addresses_are_compared_in_one_form() -> None:
    assert normal_url("HTTPS://Bücher.example:443/ä#x") == "https://xn--bcher-kva.example/%C3%A4"
    assert normal_url("../c?d", "https://a.org/a/b") == "https://a.org/c?d"
    assert normal_url("http://a:port/") == ""


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "wiki.localhost",
        "localhost.localdomain",
        "ip6-localhost",
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::1%25lo]",
    ],
)
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    assert problem_with_literal(f"http://{host}/").endswith("is this machine itself")


@pytest.mark.parametrize("host", ["0", "10.1", "0xa000001", "192.168.257", "169.254.1"])
def test_private_addresses_are_refused_however_they_are_written(host: str) -> None:
    assert problem_with_literal(f"http://{host}/")


@pytest.mark.parametrize("host", ["8.8.8.8", "134744072", "wiki.lan", "localhost.example.org"])
def test_public_addresses_and_names_are_no_problem_yet(host: str) -> None:
    assert problem_with_literal(f"http://{host}/") == ""


# The guard of connections.


PUBLIC = [
    *("8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1"),
    *("2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
]

PRIVATE = [
    # This machine.
    *("127.0.0.1", "127.255.255.254"),
    "0.0.0.0",  # noqa: S104 - judged, not listened on
    *("0.1.2.3", "::1", "::"),
    # Networks of one's own, and those behind a provider's translation.
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255"),
    *("100.100.100.200", "198.18.0.1", "192.0.0.192", "fd00:ec2::254", "fc00::1", "fec0::1"),
    # Link-local; clouds answer for the machine here.
    *("169.254.169.254", "169.254.0.1", "168.63.129.16", "fe80::1", "fe80::1%eth0"),
    # Many machines, none, or only in books.
    *("224.0.0.1", "224.0.1.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.88.99.1"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "ff02::1", "ff0e::1", "2001:db8::1", "3fff::1"),
    *("100::1", "5f00::1"),
    # IPv4 in the clothes of IPv6.
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1"),
    *("64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8", "2002:7f00:1::"),
    *("2002:a9fe:a9fe::1", "2001:0:7f00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    # No addresses at all.
    *("localhost", "2130706433", "0x7f.1", ""),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    assert problem_with(address) == ""


@pytest.mark.parametrize("address", PRIVATE)
def test_no_other_address_may(address: str) -> None:
    assert problem_with(address)


def test_an_address_inside_another_one_is_named() -> None:
    assert problem_with("::ffff:127.0.0.1") == "holds 127.0.0.1, which is this machine itself"


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_either_clothes(address: object) -> None:
    assert bool(problem_with(str(address))) is bool(problem_with(f"::ffff:{address}"))


@given(st.ip_addresses())
def test_nothing_is_public_that_the_registries_say_is_not(address: object) -> None:
    public = getattr(address, "is_global", False) and not getattr(address, "is_multicast", True)
    mapped = getattr(address, "ipv4_mapped", None)
    assert problem_with(str(address)) or public or mapped


# Internal hosts: what an entry opens, and what no entry opens.


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


def test_source_is_internal_by_name_or_all_addresses() -> None:
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
def test_rebound_internal_name_is_judged_anew(server: WebServer, second: str) -> None:
    with fetcher(server, "127.0.0.1", second) as inside:
        told = inside.fetch(server.url("/"))
    assert isinstance(told, Failed)
    assert told.reason.startswith(f"leads to {second}, which ")
    assert server.paths == []


@pytest.mark.parametrize(
    ("host", "address"), [("other.test", "192.168.9.9"), ("public.test", "8.8.8.8")]
)
def test_internal_redirect_leads_nowhere_else(server: WebServer, host: str, address: str) -> None:
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

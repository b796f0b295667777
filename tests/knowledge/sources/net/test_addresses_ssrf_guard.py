import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sources.net.addresses import problem_with

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

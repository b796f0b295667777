import pytest

from knowledge.sources.net.addresses import normal_url, problem_with_literal, problem_with_url


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

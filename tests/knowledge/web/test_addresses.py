import pytest

from knowledge.web.addresses import normal_url, problem_with_url


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

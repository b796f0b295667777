import gzip
import ssl
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from knowledge.files.robots_meta import NAME
from knowledge.sources.net.polite_fetcher import (
    LONGEST_WAIT,
    Failed,
    Fetched,
    Fetcher,
    Gone,
    Unchanged,
)
from tests.knowledge import certificates
from tests.knowledge.web_server import Reply, WebServer, local_fetcher

PAGE = Reply("<h1>Hi</h1>")


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with local_fetcher() as made:
        yield made


def reason(outcome: object) -> str:
    assert isinstance(outcome, Failed), outcome
    return outcome.reason


# Addresses.


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["127.0.0.1"], "leads to 127.0.0.1, which is this machine itself"),
        (["169.254.169.254"], "leads to 169.254.169.254, which is link-local"),
        (["8.8.8.8", "10.0.0.1"], "leads to 10.0.0.1, which belongs to a private network"),
        ([], "has no address"),
    ],
)
def test_name_leading_to_private_addresses_is_not_asked(
    server: WebServer, found: list[str], told: str
) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return found

    with Fetcher(0, resolve=resolve) as fetcher:
        assert told in reason(fetcher.fetch(server.url("/")))
    assert asked == ["docs.test"]
    assert server.requests == []


def test_a_name_is_resolved_once_for_each_connection(server: WebServer) -> None:
    server.pages["/robots.txt"] = Reply()
    server.pages["/"] = PAGE
    # Should the network resolve the name once more by itself, it would find nothing.
    answers = iter([["127.0.0.1"]])
    with local_fetcher(resolve=lambda host, port: next(answers)) as fetcher:
        assert isinstance(fetcher.fetch(server.url("/")), Fetched)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://2130706433:1/", "http://[::1]:1/", "http://localhost:1/"]
)
def test_this_machine_is_refused_however_it_is_written(url: str) -> None:
    with Fetcher(0) as fetcher:
        told = reason(fetcher.fetch(url))
    assert "is this machine itself" in told or "has no address" in told


# robots.txt and politeness.


def test_what_robots_txt_forbids_is_not_fetched(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/robots.txt"] = Reply(
        f"User-agent: *\nDisallow: /\n\nUser-agent: {NAME}\nDisallow: /private", kind="text/plain"
    )
    server.pages["/open"] = server.pages["/private/x"] = PAGE
    assert isinstance(fetcher.fetch(server.url("/open")), Fetched)
    assert "is closed to programs" in reason(fetcher.fetch(server.url("/private/x")))
    assert server.paths == ["/open"]
    assert [path for path, _ in server.requests].count("/robots.txt") == 1


def test_redirect_to_a_forbidden_page_is_not_followed(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/robots.txt"] = Reply("User-agent: *\nDisallow: /private", kind="text/plain")
    server.pages["/"] = Reply(status=301, headers={"Location": "/private"})
    assert "is closed to programs" in reason(fetcher.fetch(server.url("/")))


def test_while_robots_txt_fails_nothing_is_fetched(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/robots.txt"] = Reply(status=500)
    server.pages["/"] = PAGE
    assert "/robots.txt answers 500" in reason(fetcher.fetch(server.url("/")))
    assert server.paths == []


def test_a_host_is_not_asked_twice_within_the_delay(server: WebServer) -> None:
    server.pages["/a"] = server.pages["/b"] = PAGE
    server.pages["/robots.txt"] = Reply("User-agent: *\nCrawl-delay: 7", kind="text/plain")
    slept: list[float] = []
    with local_fetcher(3, sleep=slept.append) as fetcher:
        fetcher.fetch(server.url("/a"))
        fetcher.fetch(server.url("/b"))
        fetcher.fetch(server.url("/b", "other.test"))
    # Before /a and /b of the first host, and before /b of the second.
    assert [round(seconds) for seconds in slept] == [7, 7, 7]


def test_busy_host_is_asked_again_if_it_says_when(server: WebServer) -> None:
    slept: list[float] = []
    server.pages["/soon"] = Reply(status=429, headers={"Retry-After": "5"})
    server.pages["/late"] = Reply(status=503, headers={"Retry-After": "3600"})
    with local_fetcher(sleep=slept.append) as fetcher:
        for path in ("/soon", "/late"):
            outcome = fetcher.fetch(server.url(path))
            assert isinstance(outcome, Failed)
            assert outcome.busy
    assert server.paths == ["/soon", "/soon", "/late"]
    assert [round(seconds) for seconds in slept] == [5]
    assert LONGEST_WAIT < 3600


# What comes.


def test_a_page_comes_with_what_tells_its_next_state(server: WebServer, fetcher: Fetcher) -> None:
    headers = {"ETag": '"1"', "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    server.pages["/a b"] = server.pages["/a%20b"] = Reply(
        "Hi.", headers=headers, kind="Text/Markdown; charset=utf-8"
    )
    assert fetcher.fetch(server.url("/a b#part")) == Fetched(
        server.url("/a%20b"), b"Hi.", "text/markdown", '"1"', headers["Last-Modified"]
    )
    again = fetcher.fetch(server.url("/a b"), etag='"1"', last_modified=headers["Last-Modified"])
    assert again == Unchanged()
    assert server.requests[-1][1]["if-modified-since"] == headers["Last-Modified"]
    assert server.requests[-1][1]["host"] == f"docs.test:{server.port}"
    assert server.requests[-1][1]["user-agent"].startswith("Commonplace/")


def test_a_page_behind_redirects_says_where_it_is(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/old"] = Reply(status=301, headers={"Location": "/newer"})
    server.pages["/newer"] = Reply(status=308, headers={"Location": "new#x"})
    server.pages["/new"] = PAGE
    outcome = fetcher.fetch(server.url("/old"))
    assert isinstance(outcome, Fetched)
    assert outcome.url == server.url("/new")


def test_redirects_without_end_are_given_up(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/"] = Reply(status=302, headers={"Location": "/"})
    assert reason(fetcher.fetch(server.url("/"))) == "is redirected more than 5 times"


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_no_more_is_gone(server: WebServer, fetcher: Fetcher, status: int) -> None:
    server.pages["/"] = Reply(status=status)
    assert fetcher.fetch(server.url("/")) == Gone(f"is gone (the host answers {status})")


@pytest.mark.parametrize("status", [500, 502, 401, 403, 206])
def test_other_answers_are_failures(server: WebServer, fetcher: Fetcher, status: int) -> None:
    server.pages["/"] = Reply(status=status)
    assert reason(fetcher.fetch(server.url("/"))) == f"can't be fetched (the host answers {status})"


def test_another_kind_of_content_is_refused_unread(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/"] = Reply(b"\x00" * 1_000, kind="video/mp4")
    assert reason(fetcher.fetch(server.url("/"))) == "is video/mp4, which can't be read"


def test_a_page_without_end_is_refused(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/"] = Reply(b"x" * 3_000_000)
    assert reason(fetcher.fetch(server.url("/"), limit=2_000_000)) == "has more than 2 MB"


def test_page_decompressing_without_end_is_refused(server: WebServer, fetcher: Fetcher) -> None:
    packed = gzip.compress(b"\x00" * 5_000_000)
    assert len(packed) < 10_000
    server.pages["/"] = Reply(packed, headers={"Content-Encoding": "gzip"})
    assert reason(fetcher.fetch(server.url("/"), limit=2_000_000)) == "has more than 2 MB"


def test_a_packed_page_is_unpacked(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/"] = Reply(gzip.compress(b"Hi."), headers={"Content-Encoding": "gzip"})
    server.pages["/bad"] = Reply(b"Hi.", headers={"Content-Encoding": "gzip"})
    server.pages["/odd"] = Reply(b"Hi.", headers={"Content-Encoding": "br"})
    outcome = fetcher.fetch(server.url("/"))
    assert isinstance(outcome, Fetched)
    assert outcome.content == b"Hi."
    assert reason(fetcher.fetch(server.url("/bad"))) == "comes damaged"
    assert reason(fetcher.fetch(server.url("/odd"))).startswith("comes compressed as br")


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        ("text/html; charset=ISO-8859-1", b"caf\xe9", b"\xef\xbb\xbfcaf\xc3\xa9"),
        ('text/plain; charset="utf-16"', "ä".encode("utf-16"), b"\xef\xbb\xbf\xc3\xa4"),
        ("text/html; charset=utf-8", b"caf\xc3\xa9", b"caf\xc3\xa9"),
        ("text/html; charset=nothing", b"caf\xe9", b"caf\xe9"),
        ("text/html; charset=ascii", b"caf\xe9", b"caf\xe9"),
        ("text/html; charset=punycode", b"tda", b"tda"),
        ("text/html; charset=Unicode_Escape", b"\\x41", b"\\x41"),
        ("application/pdf; charset=latin-1", b"%PDF\xe9", b"%PDF\xe9"),
    ],
)
def test_text_is_kept_in_an_encoding_that_it_tells_itself(
    server: WebServer, fetcher: Fetcher, kind: str, sent: bytes, kept: bytes
) -> None:
    server.pages["/"] = Reply(sent, kind=kind)
    outcome = fetcher.fetch(server.url("/"))
    assert isinstance(outcome, Fetched)
    assert outcome.content == kept


def test_an_answer_that_drips_is_given_up(server: WebServer) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        # Long enough to be told from the time it may take, and not for ever.
        for number in range(1_000):
            request.wfile.write(b"X-%d: x\r\n" % number)
            request.wfile.flush()
            time.sleep(0.02)

    server.pages["/"] = drip
    server.pages["/robots.txt"] = Reply()
    with local_fetcher(whole_seconds=1) as fetcher:
        assert reason(fetcher.fetch(server.url("/"))) == "did not answer in time"


def test_a_host_that_is_not_there_is_a_failure(fetcher: Fetcher) -> None:
    assert "can't be reached" in reason(fetcher.fetch("http://docs.test:9/"))


def test_an_answer_that_is_no_http_is_a_failure(server: WebServer, fetcher: Fetcher) -> None:
    def greet(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"SSH-2.0-nothing\r\n\r\n")

    server.pages["/"] = greet
    server.pages["/robots.txt"] = Reply()
    assert "can't be reached" in reason(fetcher.fetch(server.url("/")))


# Who a host is.


@pytest.fixture
def served(tmp_path: Path) -> Callable[[str], ssl.SSLContext]:
    """What a host proves by a certificate that it is."""

    def context(certificate: str) -> ssl.SSLContext:
        path = tmp_path / "chain.pem"
        path.write_text(certificate + certificates.KEY)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        return made

    return context


def trusting() -> Fetcher:
    trusted = ssl.create_default_context(cadata=certificates.AUTHORITY)
    return local_fetcher(trusted=trusted)


def test_host_with_a_trusted_certificate_is_read(served: Callable[[str], ssl.SSLContext]) -> None:
    with WebServer(served(certificates.CERTIFICATE)) as server, trusting() as fetcher:
        server.pages["/"] = PAGE
        found = fetcher.fetch(server.url("/"))
    assert isinstance(found, Fetched)
    assert found.url.startswith("https://docs.test:")
    assert found.content == PAGE.body


@pytest.mark.parametrize(
    ("certificate", "host", "trusts", "told"),
    [
        (certificates.CERTIFICATE, "docs.test", False, "unable to get local issuer certificate"),
        (certificates.CERTIFICATE, "other.test", True, "Hostname mismatch"),
        (certificates.EXPIRED, "docs.test", True, "certificate has expired"),
    ],
)
def test_a_host_that_can_not_prove_who_it_is_is_told_nothing(
    served: Callable[[str], ssl.SSLContext], certificate: str, host: str, trusts: bool, told: str
) -> None:
    with (
        WebServer(served(certificate)) as server,
        trusting() if trusts else local_fetcher() as fetcher,
    ):
        server.pages["/"] = PAGE
        said = reason(fetcher.fetch(server.url("/", host)))
        assert server.requests == []
    assert said.startswith(f"can't be reached (its certificate is not to be trusted: {told}")


def test_a_host_that_speaks_no_tls_is_a_sentence() -> None:
    with WebServer() as server, trusting() as fetcher:
        said = reason(fetcher.fetch(server.url("/").replace("http:", "https:")))
    assert said.startswith("can't be reached (")


def test_any_etag_is_sent_back_as_it_came(server: WebServer, fetcher: Fetcher) -> None:
    server.pages["/"] = Reply(b"Words.", headers={"ETag": '"caf\xe9"'})
    first = fetcher.fetch(server.url("/"))
    assert isinstance(first, Fetched)

    again = fetcher.fetch(server.url("/"), etag=first.etag)

    assert isinstance(again, Unchanged)

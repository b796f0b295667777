from knowledge.sources.link_check import IDS, LinkCheck, check_links
from knowledge.sources.sync import FAILURES_IN_A_ROW
from tests.knowledge.web_server import Reply, WebServer, local_fetcher


def _checked(server: WebServer, pages: dict[str, set[str]]) -> LinkCheck:
    found = LinkCheck()
    asked = {server.url(path): anchors for path, anchors in pages.items()}
    with local_fetcher() as fetcher:
        steps = [*check_links(asked, fetcher, found)]
    assert [step.done for step in steps] == [*range(1, len(steps) + 1)]
    return found


def test_pages_and_anchors_that_are_there_are_counted(server: WebServer) -> None:
    page = '<h2 id="größe">Größe</h2><h2 id="a%20b">A</h2><a name="old">B</a>'
    server.pages = {"/a": Reply(page), "/b": Reply("# Text", kind="text/plain")}
    found = _checked(server, {"/a": {"gr%C3%B6%C3%9Fe", "a%20b", "old"}, "/b": set()})
    assert found == LinkCheck(pages=2, anchors=3)


def test_a_missing_page_and_a_missing_anchor_are_named(server: WebServer) -> None:
    server.pages = {"/a": Reply('<h2 id="one">One</h2>'), "/gone": Reply(status=410)}
    found = _checked(server, {"/a": {"one", "One"}, "/gone": {"two"}, "/none": set()})
    assert (found.pages, found.anchors) == (1, 1)
    assert found.unanchored == [server.url("/a#One")]
    assert found.missing == {
        server.url("/gone"): "is gone (the host answers 410)",
        server.url("/none"): "is gone (the host answers 404)",
    }


def test_a_file_of_another_kind_is_there(server: WebServer) -> None:
    server.pages = {"/a.docx": Reply(b"PK", kind="application/zip")}
    assert _checked(server, {"/a.docx": set()}) == LinkCheck(pages=1)


def test_a_page_that_the_host_withholds_is_unchecked(server: WebServer) -> None:
    server.pages = {
        "/robots.txt": Reply("User-agent: *\nDisallow: /private", kind="text/plain"),
        "/private": Reply(""),
        "/signed-in": Reply(status=403),
        "/deep": Reply("<div>" * 10_000),
    }
    found = _checked(server, {"/private": set(), "/signed-in": set(), "/deep": {"a"}})
    assert (found.pages, found.missing, len(found.unchecked)) == (0, {}, 3)
    assert "robots.txt" in found.unchecked[server.url("/private")]


def test_a_host_that_is_down_is_left_alone(server: WebServer) -> None:
    paths = [f"/{number}" for number in range(FAILURES_IN_A_ROW + 3)]
    server.pages = {path: Reply(status=500) for path in paths}
    found = _checked(server, {path: set() for path in paths})
    assert len(found.unchecked) == len(paths)
    assert server.paths == paths[:FAILURES_IN_A_ROW]


def test_a_page_of_ids_alone_has_an_end(server: WebServer) -> None:
    page = "".join(f'<p id="{number}">' for number in range(IDS + 1))
    server.pages = {"/a": Reply(page)}
    assert _checked(server, {"/a": {"0", str(IDS)}}).unanchored == [server.url(f"/a#{IDS}")]

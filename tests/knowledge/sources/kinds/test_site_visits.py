"""Later visits to a crawled site, and pages and hosts that fail."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bot.storage.derived_data import open_entries
from knowledge.sources.sync import FAILURES_IN_A_ROW
from tests.knowledge.sources.crawled_site import World, sitemap_of
from tests.knowledge.web_server import Reply, WebServer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with WebServer() as server, open_entries(tmp_path, "") as pages:
        yield World(server, pages)


def test_a_second_visit_asks_only_for_what_may_have_changed(world: World) -> None:
    world.server.pages["/sitemap.xml"] = sitemap_of(world.server, "/docs/a", modified="2026-01-01")
    world.page("/docs/", "b")
    world.page("/docs/a", "c")
    world.page("/docs/b")
    world.page("/docs/c")
    world.sync()
    world.page("/docs/b", "d")
    world.page("/docs/d")
    world.sync(days=1)
    # What the sitemap says is as it was is not asked for, and what it leads to is still known.
    assert world.asked == ["/docs/", "/docs/b", "/docs/c", "/docs/d"]
    conditions = {path: headers.get("if-none-match") for path, headers in world.server.requests}
    assert conditions["/docs/"]
    assert conditions["/docs/d"] is None
    assert world.titles() == ["docs", "docs a", "docs b", "docs c", "docs d"]


def test_what_nothing_leads_to_any_more_is_quoted_for_a_time_of_grace(world: World) -> None:
    world.page("/docs/", "a", "b")
    world.page("/docs/a")
    world.page("/docs/b")
    world.sync()
    world.page("/docs/", "b")
    world.sync(days=1)
    assert world.titles() == ["docs", "docs a", "docs b"]
    assert world.reasons[0].startswith("is no longer linked, or closed to programs; its text")
    for day in (8, 15):
        world.sync(days=day)
    assert world.titles() == ["docs", "docs b"]


def test_broken_links_are_nobodys_news(world: World) -> None:
    world.page("/docs/", "gone", "data", "photo.png")
    world.server.pages["/docs/data"] = Reply(b"\x00", kind="application/octet-stream")
    world.sync()
    assert world.reasons == []
    assert world.asked == ["/docs/", "/docs/gone", "/docs/data"]


def test_a_page_that_is_too_large_or_answers_nothing_stops_no_other(world: World) -> None:
    def hangs_up(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True

    world.page("/docs/", "huge", "silent", "a")
    world.server.pages["/docs/huge"] = Reply(b"x" * 10_000_001)
    world.server.pages["/docs/silent"] = hangs_up
    world.page("/docs/a")
    world.sync()
    assert world.titles() == ["docs", "docs a"]
    assert world.reasons[0] == "has more than 10 MB."
    assert world.reasons[1].startswith("can't be reached")


def test_a_page_that_takes_too_long_stops_no_other(world: World) -> None:
    ended = threading.Event()

    def waits(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", "1000")
        request.end_headers()
        ended.wait()

    world.page("/docs/", "slow", "a")
    world.page("/docs/a")
    world.server.pages["/docs/slow"] = waits
    list(world.steps(whole_seconds=0.3))
    ended.set()
    assert world.titles() == ["docs", "docs a"]
    assert world.reasons == ["did not answer in time."]


def test_a_host_that_fails_again_and_again_is_left_alone(world: World) -> None:
    names = [f"p{number}" for number in range(FAILURES_IN_A_ROW + 2)]
    world.page("/docs/", *names)
    for name in names:
        world.server.pages[f"/docs/{name}"] = Reply(status=500)
    world.sync()
    assert len(world.asked) == 1 + FAILURES_IN_A_ROW
    assert "failed 5 times in a row; the rest waits for the next look." in world.reasons


def test_a_crawl_that_is_ended_in_the_middle_goes_on(world: World) -> None:
    world.page("/docs/", "a", "b", "c")
    for name in "abc":
        world.page(f"/docs/{name}")
    steps = world.steps()
    while next(steps).key != world.server.url("/docs/a"):
        pass
    del steps
    world.sync(days=0.1)
    assert world.asked == ["/docs/b", "/docs/c"]
    assert world.titles() == ["docs", "docs a", "docs b", "docs c"]
    world.sync(days=0.2)
    assert world.asked == ["/docs/", "/docs/a", "/docs/b", "/docs/c"]

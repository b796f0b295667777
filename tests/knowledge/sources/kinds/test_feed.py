from pathlib import Path

import pytest

from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.feed import Feed
from tests.knowledge.sources.visited import VisitedSource
from tests.knowledge.web_server import Reply, WebServer

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<entry><id>urn:1</id><title>Ferry 1.2</title><updated>2026-03-04T23:30:00-02:00</updated>
<link rel="edit" href="/edit/1"/><link href="/news/1"/><content {form}>{text}</content></entry>
</feed>"""
RSS = """<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>News</title><item><title>Ferry 1.2</title><link>{base}/news/1</link>
<guid isPermaLink="false">7</guid><pubDate>Thu, 05 Mar 2026 01:30:00 +0000</pubDate>
<description>In short.</description>
<content:encoded><![CDATA[<p>It leaves at <b>six</b>.</p>]]></content:encoded></item>
</channel></rss>"""
ITEM = (
    "<item><title>Ferry {0}</title><guid>{0}</guid><pubDate>{0} Mar 2026 08:00:00 +0000</pubDate>"
)
ITEM += "<description>It leaves.</description></item>"


def serve(server: WebServer, feed: str) -> None:
    server.pages["/news.rss"] = Reply(feed, kind="application/rss+xml")


@pytest.fixture
def source(server: WebServer, pages: EntryStore, tmp_path: Path) -> VisitedSource:
    return VisitedSource(Feed.locate(server.url("/news.rss")), pages, tmp_path)


@pytest.mark.parametrize(
    "feed",
    [
        ATOM.format(form="type='html'", text="&lt;p>It leaves at &lt;b>six&lt;/b>.&lt;/p>"),
        ATOM.format(
            form="type='xhtml'",
            text="<div xmlns='http://www.w3.org/1999/xhtml'><p>It leaves at <b>six</b>.</p></div>",
        ),
        RSS,
    ],
    ids=["html", "xhtml", "rss"],
)
def test_entries_are_cited_at_their_pages(
    feed: str, server: WebServer, source: VisitedSource
) -> None:
    serve(server, feed.replace("{base}", server.url("").rstrip("/")))
    source.sync()
    [document] = source.documents.values()
    assert (document.title, document.text) == ("Ferry 1.2", "It leaves at **six**.")
    assert document.link == server.url("/news/1")
    assert str(document.verified) == "2026-03-05"


def test_plain_text_is_no_markup(server: WebServer, source: VisitedSource) -> None:
    serve(server, ATOM.format(form="", text="It leaves at &lt;b>six&lt;/b>."))
    source.sync()
    assert "b>six" in source.documents["Ferry 1.2"].text


def test_only_older_entries_outlive_the_feed(server: WebServer, source: VisitedSource) -> None:
    for day, shown in enumerate([(1, 2, 3), (2, 3), (2, 4)]):
        items = "".join(ITEM.format(number) for number in shown)
        serve(server, f"<rss><channel>{items}</channel></rss>")
        source.sync(day)
    # The first left the feed as the oldest, the third was deleted.
    assert sorted(source.documents) == ["Ferry 1", "Ferry 2", "Ferry 4"]


@pytest.mark.parametrize("content", ["<html><body>No</body></html>", "<!DOCTYPE x [", "{}"])
def test_other_content_is_refused(content: str, server: WebServer, source: VisitedSource) -> None:
    serve(server, content)
    source.sync()
    assert source.reasons == ["is no Atom or RSS feed."]

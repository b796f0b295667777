"""What is fuzzed: each reader as a function of bytes, small valid inputs of it, its own refusal.

A target says what came of an input: `given`, `refused` with the reader's own error, or `netted`
where a format's library raised what it should not and the process for such formats made a sentence
of it. Whatever a target raises is a finding.
"""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from unittest.mock import patch

import httpcore2
import yaml
from lxml import etree
from protego import Protego

from bot.text.markdown import (
    MESSAGE_CHARACTERS,
    plain_within,
    quoted_parts,
    safe_markdown,
    size,
    split,
)
from knowledge.chat.export_file import ExportFile, export_documents
from knowledge.files import reader, sandbox_process
from knowledge.files.document import parse_document
from knowledge.files.foreign_tags import tags_in_sandbox
from knowledge.files.formats.front_matter import parsed_values
from knowledge.files.parsed_file import ParsedFile, UnreadableError
from knowledge.files.robots_meta import NAME, hiding_rule
from knowledge.files.sandbox import Result, Sandbox
from knowledge.sources.git.packs import PackLimits, check_pack
from knowledge.sources.kinds.feed import parse_feed
from knowledge.sources.kinds.sitemaps import (
    UnlistableError,
    extract_links_in_sandbox,
    parse_listing,
)
from knowledge.sources.net.addresses import problem_with_url
from knowledge.sources.net.polite_fetcher import Failed, Fetched, Fetcher, Gone, Unchanged
from knowledge.sources.net.safe_network import RefusedError
from knowledge.values.documents import Scope
from tests.knowledge.exporting import ASKER, HELPER, as_json, export, message, reaction, reply
from tests.knowledge.made_files import DOCX_DOCUMENT, docx, paragraph, pdf, table, zipped

_HTML: Final = (
    b"<!doctype html><html><head><title>T</title><meta name='robots' content='noindex'>"
    b"<link rel=canonical href='https://a.org/x'></head><body><nav>n</nav><main><h1>T</h1>"
    b"<p>Words <a href='../y'>x</a> <img alt=i src=j><ul><li>a<li>b</ul>"
    b"<table><tr><th>1<td colspan=2>2</table><pre class='language-c'><code>x</code></pre>"
    b"</main></body></html>"
)
_RST: Final = (
    b"T\n=\n\nWords :ref:`x <y>` |a| [1]_ `l <https://a.org>`_.\n\n.. note::\n   a\n\n"
    b".. code-block:: c\n\n   x\n\n===  ===\na    b\n===  ===\n1    2\n===  ===\n\n"
    b"+---+---+\n| a | b |\n+---+---+\n\n.. |a| replace:: b\n.. [1] foot\n"
    b".. csv-table:: t\n\n   1,2\n"
)
_DOCX_BODY: Final = (
    paragraph("T", "Title")
    + paragraph("Words.", "H1")
    + table([["a", "b"], ["c", "d"]])
    + '<w:p><w:hyperlink r:id="l"><w:r><w:rPr><w:b/></w:rPr><w:t>x</w:t></w:r></w:hyperlink></w:p>'
)
_MATTER: Final = (
    b"title: T\ntags: [a, b]\nverified: 2024-01-02\nlink: https://a.org\n"
    b'x: !!float "1"\ny: {a: 0x1f, b: ~}\nz: |\n  text\nsources:\n  - url: https://b.org\n'
)
_SITEMAP: Final = (
    b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url>'
    b"<loc>https://a.org/b?c=%20#d</loc><lastmod>2024-01-02T03:04:05+01:00</lastmod></url><url>"
    b"<loc>/e</loc><lastmod>2024-01-02</lastmod></url></urlset>"
)
_ROBOTS: Final = (
    b"User-agent: *\nDisallow: /a*b$\nAllow: /c\nCrawl-delay: 1.5\nRequest-rate: 1/5s 0900-1700\n"
    b"Visit-time: 0900-1700\nSitemap: https://a.org/s.xml\n\nUser-agent: Commonplace\n"
    b"Disallow: /%7e\n"
)
_ANSWER: Final = (
    b'HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=iso-8859-1\r\nETag: "x"\r\n'
    b"X-Robots-Tag: bot: noindex\r\nX-Robots-Tag: nosnippet\r\nContent-Length: 12\r\n\r\n"
    b"<p>Words.</p"
)
_CHUNKED: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
    b"Last-Modified: x\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
)
_MOVED: Final = b"HTTP/1.1 302 Found\r\nLocation: //b.org/\xc3\xa9?x#y\r\nContent-Length: 0\r\n\r\n"
_BUSY: Final = b"HTTP/1.1 503 x\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
_SHOWN: Final = (
    '# T\n@everyone <@1> [a](https://b.org) ![c](https://d.org "e") https://f.org\n\n```py\n'
    "x = 1\n```\n"
    "> ~~~\n> y\n> ~~~\n| a | b |\n|---|---|\n| 1 | 2 |\n1. \u200bone \U0001f468\u200d\U0001f469 "
    "\U0001f1e9\U0001f1ea `z` **q**\n"
).encode()


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, inputs to begin with, and words that its format has."""

    run: Callable[[bytes], str]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()


class _Here(Sandbox):
    """Reads in this very process, where a fuzzer sees what is reached, and what breaks it."""

    def begin(
        self,
        function: sandbox_process.Parse,
        content: bytes,
        name: str,
        made: Callable[[dict[str, Any], str], Result],
    ) -> "Future[Result]":
        future: Future[Result] = Future()
        answer, text = sandbox_process.run_parser(function, content, name)
        if "unreadable" in answer:
            future.set_exception(UnreadableError(answer["unreadable"]))
        else:
            # As between two processes.
            values = json.loads(json.dumps(answer["values"]))
            future.set_result(made(values, text.encode(errors="replace").decode()))
        return future


def import_libraries() -> None:
    """Import what parsers import when they are first needed."""
    word = docx(_DOCX_BODY)
    for name, content in {"html": _HTML, "rst": _RST, "pdf": pdf(["x"]), "docx": word}.items():
        parse_document(content, f"a.{name}")


def file_outcome(content: bytes, name: str) -> str:
    """What comes of a file, through the door that every file comes through."""
    outcomes = set()
    try:
        with patch.object(reader, "sandbox", _HERE):
            parts = list(reader.begin_parsing(content, name=name))
    except UnreadableError as error:
        return _refused(error)
    for part in parts:
        refusal = part.future.exception(timeout=0)
        if refusal is None:
            outcomes.add(_sound(part.future.result()))
        elif isinstance(refusal, UnreadableError):
            outcomes.add(_refused(refusal))
        else:
            raise refusal
    return min(outcomes, default="refused")


def _sound(reading: ParsedFile) -> str:
    """A reading that everything after it can take: words, and such as can be stored."""
    assert reading.text.strip()
    assert reading.title.strip()
    (reading.title + reading.text + reading.link + "".join(reading.tags)).encode()
    assert reading.verified is None or reading.verified.year
    return "given"


def _refused(error: UnreadableError) -> str:
    assert str(error).strip()
    str(error).encode()
    return "netted" if str(error).startswith("can't be read: ") else "refused"


_HERE: Final = _Here()


def _file(name: str) -> Callable[[bytes], str]:
    return lambda content: file_outcome(content, name)


def _front_matter(content: bytes) -> str:
    return file_outcome(b"---\n" + content + b"\n---\n# T\n\nWords.\n", "a.md")


def _yaml(content: bytes) -> str:
    """Front matter by both parsers of YAML: what one of them does not see is no check's.

    libyaml alone decides; but where they differ, a check by the other one could be evaded.
    """
    block = content.decode("utf-8", "replace")
    try:
        parsed_values(block)
        by_python = [type(event) for event in yaml.parse(block, yaml.Loader)]
    except UnreadableError as error:
        return _refused(error)
    except yaml.YAMLError:
        return "refused"
    assert [type(event) for event in yaml.parse(block, yaml.CLoader)] == by_python
    return "given"


def _word_document(content: bytes) -> str:
    """The XML inside of a Word file, which would be torn if its packed bytes were changed.

    It is made well-formed, because what is not is refused before it is understood.
    """
    whole = DOCX_DOCUMENT.format(prolog="", body=content.decode("utf-8", "replace")).encode()
    root = etree.fromstring(whole, etree.XMLParser(recover=True, resolve_entities=False))
    body = b"".join(etree.tostring(child) for element in root[:1] for child in element)
    return file_outcome(docx(body.decode()), "a.docx")


def _sniffed(content: bytes) -> str:
    """The first byte chooses the name's ending."""
    endings = sorted(reader.SUFFIXES)
    ending = endings[content[0] % len(endings)] if content else ""
    return file_outcome(content[1:], f"a{ending}")


def _exported(name: str) -> Callable[[bytes], str]:
    def run(content: bytes) -> str:
        file = ExportFile(name, lambda: BytesIO(content))
        try:
            for document in export_documents(file, "id", Scope(1)):
                if document is not None:
                    assert document.title.strip()
                    (document.title + document.text + document.contributor).encode()
        except UnreadableError as error:
            return _refused(error)
        return "given"

    return run


def _listed(url: str) -> Callable[[bytes], str]:
    def run(content: bytes) -> str:
        try:
            found = parse_listing(content, url)
        except UnlistableError:
            return "refused"
        for each in (*found.pages, *found.listings) if found is not None else ():
            assert each.url.startswith("https://a.org")
            each.url.encode()
        return "given"

    return run


def _linked(content: bytes) -> str:
    try:
        values, text = extract_links_in_sandbox(content, "https://a.org/a")
    except UnreadableError:
        return "refused"
    for each in filter(None, (values["canonical"], *text.split("\n"))):
        assert not problem_with_url(each)
        each.encode()
    return "given"


def _tagged(content: bytes) -> str:
    try:
        _, text = tags_in_sandbox(content, "42/a.json")
    except UnreadableError:
        return "refused"
    assert json.loads(text)
    return "given"


def _fed(content: bytes) -> str:
    try:
        _, text = parse_feed(content, "https://a.org/feed")
    except UnreadableError:
        return "refused"
    except Exception:  # noqa: BLE001 - as in the sandbox
        return "netted"
    for key, values in json.loads(text).items():
        assert all(isinstance(value, str) for value in (key, *values))
    return "given"


def _checked_pack(content: bytes) -> str:
    try:
        check_pack(io.BytesIO(content), len(content), PackLimits(object_bytes=10_000))
    except RefusedError:
        return "refused"
    return "given"


def _robots(content: bytes) -> str:
    rules = Protego.parse(content.decode("utf-8", "replace"))
    for url in ("https://a.org/", "https://a.org/a/b?c=" + "a" * 1_000, "https://a.org/%7e/é"):
        rules.can_fetch(url, NAME)
    rules.crawl_delay(NAME)
    hiding_rule(content.decode("latin-1").split("\n"))
    return "given"


def _fetched(content: bytes) -> str:
    """What a host sends, whatever it is asked for: robots.txt, the page, where it leads."""
    with Fetcher(0, sleep=lambda seconds: None) as fetcher:
        # Each request begins a connection of its own, which has the whole answer.
        fetcher._connections._pool = httpcore2.ConnectionPool(
            max_keepalive_connections=0, network_backend=httpcore2.MockBackend([content])
        )
        outcome = fetcher.fetch("http://a.org/")
    assert isinstance(outcome, Fetched | Unchanged | Gone | Failed)
    return "refused" if isinstance(outcome, Failed) else "given"


def _displayed(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    for made in (safe_markdown(text), text):
        assert all(size(piece) <= 200 for piece in split(made, 200))
        assert all(size(piece) <= MESSAGE_CHARACTERS for piece in quoted_parts(made))
        assert "\u202e" not in safe_markdown(made)
    assert size(plain_within(text, 90)) <= 90
    return "given"


_PAIRS: Final = json.dumps(
    {
        "title": "T",
        "faqs": [{"question": "Why \ud83d\ude00?", "answer": ["# A", "b"], "url": "https://a.org"}],
    }
).encode()
_EXPORT: Final = as_json(
    export(
        [
            message(1, ASKER, "How do I install the package on Windows? <@2> <#5> <t:1:R>"),
            reply(2, HELPER, "You run pip install package, then restart the shell.", 1),
            message(3, ASKER, "Thanks, that works!", reactions=[reaction("\u2705", ASKER)]),
        ]
    )
)
_YAML_WORDS: Final = (
    b"!!bool ",
    b"!!int ",
    b"!!timestamp ",
    b"!!set",
    b"!!omap",
    b"!!binary ",
    b"<<: ",
)

_PACK: Final = (
    b"PACK\0\0\0\2\0\0\0\2\x35"
    + zlib.compress(b"hello")
    + b"\x74"
    + b"b" * 20
    + zlib.compress(b"\x05\x05\x90\x05")
    + b"d" * 20
)

TARGETS: Final[Mapping[str, Target]] = {
    "front matter": Target(_front_matter, (_MATTER,), _YAML_WORDS),
    "YAML by both parsers": Target(
        _yaml, (_MATTER,), (*_YAML_WORDS, "\ufeff".encode(), "\u2028".encode(), b"*a", b"&a ")
    ),
    "Markdown": Target(
        _file("a.md"), (b"---\ntitle: T\n---\n# T\n\n- a\n\n  ```\n  x\n  ```\n\nU\n=\n",)
    ),
    "plain text": Target(
        _file("a.txt"),
        (b"Introduction\nWords.\n1. One\ntext\n2. Two\ntext\n", "\ufeffé\r\n".encode("utf-16")),
    ),
    "CSV": Target(
        _file("a.csv"),
        (b'question,answer\n"Why\n?",Because.\n', b"a;b\n1;2\n3;4\n"),
        (b"frage", b"\t"),
    ),
    "JSON": Target(_file("a.json"), (_PAIRS, b'{"Why?": "x"}\n{"q":"a","a":"b"}\n'), (b"\\ud800",)),
    "HTML": Target(
        _file("a.html"), (_HTML,), (b"<math>", b"<svg>", b"&#xd800;", b"<![CDATA[", b"charset=")
    ),
    "reStructuredText": Target(
        _file("a.rst"), (_RST,), (b".. include:: ", b".. raw:: html", b":math:`")
    ),
    "PDF": Target(
        _file("a.pdf"),
        (pdf(["1 Intro\nWords.", "More."], [("Intro", 0), ("B", 1)], title="T"), pdf(["x"])),
        (
            b"/FlateDecode",
            b"/Prev 9",
            b"/XRef",
            b"/ObjStm",
            b"/ToUnicode",
            b"/Encrypt",
            b"/LZWDecode",
        ),
    ),
    "Word": Target(_file("a.docx"), (docx(_DOCX_BODY),), (b"word/document.xml",)),
    "Word's XML": Target(
        _word_document,
        (_DOCX_BODY.encode(),),
        (b"<w:footnoteReference w:id='1'/>", b"<w:numPr>", b"<w:sdt>"),
    ),
    "zip": Target(
        _file("a.zip"),
        (
            zipped({"a.md": "# T\n\nWords.", "b/c.csv": "a,b\n1,2\n"}, stored=True),
            zipped({"a.txt": "Words.", "d.json": _EXPORT.decode()[:600]}),
        ),
        (b"PK\x01\x02", b"PK\x03\x04", b"PK\x06\x06", b"\x01\x00\x10\x00"),
    ),
    "sniffing": Target(
        _sniffed,
        tuple(
            b"\x00" + seed
            for seed in (
                _HTML,
                _RST,
                _PAIRS,
                pdf(["x"]),
                zipped({"a.md": "x"}),
                b"{\\rtf x",
                b"# T\n",
            )
        ),
    ),
    "chat export, JSON": Target(_exported("a [1].json"), (_EXPORT,)),
    "sitemap": Target(
        _listed("https://a.org/sitemap.xml"),
        (_SITEMAP, gzip.compress(_SITEMAP, mtime=0), _SITEMAP.replace(b"urlset", b"sitemapindex")),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"xn--", b"https://[::1]/"),
    ),
    "llms.txt": Target(
        _listed("https://a.org/llms.txt"),
        (b"# T\n> s\n- [a](https://a.org/b): c\n- [d](/e 'f')\n",),
    ),
    "robots.txt and rules": Target(
        _robots, (_ROBOTS, b"bot: noindex, nosnippet\nmax-snippet: 1, none\n")
    ),
    "links of a page": Target(
        _linked,
        (b'<base href="/b/"><link rel=canonical href="c"><a rel=nofollow href=d>D</a><a href=e>E',),
        (b"https://[::1]/", b"//x", b"javascript:", b"..%2f", b"&#xd800;"),
    ),
    "other bots' tags": Target(
        _tagged,
        (b'{"1": {"GUILD": {"42": {"tags": {"a": {"tag": "x y", "aliases": ["b"]}}}}}}',),
        (b"commands", b"response"),
    ),
    "feed": Target(
        _fed,
        (
            b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a</id><title>T</title>'
            b'<link href="/b"/><updated>2026-01-02T03:04:05Z</updated>'
            b'<content type="xhtml"><p>x</p></content></entry></feed>',
            b"<rss><channel><item><guid>a</guid><link>b</link><description>&lt;p>x</description>"
            b"<pubDate>Thu, 05 Mar 2026 01:30:00 +0000</pubDate></item></channel></rss>",
        ),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<![CDATA[", b"xmlns:x="),
    ),
    "Git pack": Target(_checked_pack, (_PACK,)),
    "HTTP answer": Target(
        _fetched,
        (_ANSWER, _CHUNKED, _MOVED, _BUSY),
        (b"charset=punycode", b"gzip", b"Content-Encoding: "),
    ),
    "display": Target(_displayed, (_SHOWN,)),
}

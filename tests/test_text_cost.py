"""No foreign text holds the bot: each entrance with pumped texts, as they come from outside.

The size that is pumped, and how many fragments each entrance meets, depend on the tier. A text that
looks dear is pumped up to the limit of its entrance in both.
"""

import html
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from gettext import NullTranslations
from pathlib import Path
from typing import Any, Final

import pytest

from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.review import service as review
from bot.sources import channel_sync_steps
from indexer.ingest import pipeline
from indexer.ingest.pipeline import Progress
from knowledge.backup import importer
from knowledge.backup.exporter import FolderError, export
from knowledge.files.parsed_file import MAX_BYTES
from knowledge.page.content import site_of_guild
from knowledge.page.pages import Renderer
from knowledge.page.pages import pages as pages_of
from knowledge.sources import addition as sources
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import Document, Failure, Kind, Scope
from knowledge.values.guilds import SyncedChannel, SyncedContent
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import (
    TEXT_CHARACTERS,
    TITLE_CHARACTERS,
    InvalidNoteError,
    checked_submission,
)
from tests.bot.sync_driver import Server, SyncDriver
from tests.fakes import WordEmbedder
from tests.knowledge import exporting
from tests.knowledge.made_files import docx, paragraph, pdf, zipped
from tests.knowledge.sources.crawled_site import World as CrawledSite
from tests.knowledge.sources.described_server import DescribedServer
from tests.knowledge.sources.kinds.test_discourse import Forum, Post, Topic
from tests.knowledge.sources.kinds.test_tracker_github import Hub
from tests.knowledge.sources.kinds.test_tracker_gitlab import Lab
from tests.knowledge.sources.kinds.test_wikis import BookStack, Outline, Page, Wiki
from tests.knowledge.sources.test_sync import Service
from tests.knowledge.sources.visited import VisitedService
from tests.knowledge.sources.wiki_server import WikiPage, WikiServer
from tests.knowledge.web_server import Reply, WebServer
from tests.pumped_texts import FRAGMENTS
from tests.pumping import Dear, Entrance, dear

GUILD: Final = exporting.GUILD_ID
MEMBER, MODERATOR = Member(1, "Mira"), Member(2, "Ada")
NOW: Final = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
# As long as Discord lets a message be, with Nitro.
MESSAGE_CHARACTERS: Final = 4_000
ANSWER: Final = "Mail to that provider is held back: ask again under Security."
# A list of threads, and the pages of one.
_REQUESTS: Final = 6
_numbers = itertools.count(1)


@contextmanager
def entrances(folder: Path, embedder: WordEmbedder) -> Iterator[list[Entrance]]:
    """Each entrance of a new core in a folder."""
    with Core(entrance_settings(folder), embedder) as core:
        yield entrances_of(core, folder)


def entrance_settings(folder: Path) -> Settings:
    return Settings(data=DataSettings(folder=folder / "data"))


def entrances_of(core: Core, folder: Path) -> list[Entrance]:
    """Each entrance of a core; its files are written into a folder."""
    return [
        *_files(core, folder),
        Entrance("web site", MAX_BYTES // 4, partial(_site, core)),
        *(
            Entrance(kind, MAX_BYTES // 4, partial(_service, core, visit))
            for kind, visit in SERVICES.items()
        ),
        Entrance("note", TEXT_CHARACTERS, partial(_note, core)),
        Entrance("Discord messages", MESSAGE_CHARACTERS, partial(_messages, core)),
        Entrance("archive", TEXT_CHARACTERS, partial(_archive, folder)),
    ]


# Files.


def _as_json(text: str) -> bytes:
    return json.dumps([{"question": text[:100], "answer": text}, {text[:50]: text}]).encode()


def _as_docx(text: str) -> bytes:
    legal = "".join(sign for sign in text if sign >= " ")
    return docx(paragraph(html.escape(legal)) + paragraph(html.escape(legal), "Title"))


def _as_pdf(text: str) -> bytes:
    lines = text.encode("latin-1", "replace").decode("latin-1").splitlines()
    return pdf(["\n".join(lines)], [("Heading", 0)])


def _as_chat(text: str) -> bytes:
    said = [
        exporting.message(0, exporting.ASKER, f"How can I get a new password? {text}"),
        exporting.message(1, exporting.HELPER, f"{ANSWER} {text}"),
        exporting.reply(2, exporting.ASKER, f"Thanks, that worked! {text}", 1),
        exporting.message(3, exporting.HELPER, text),
    ]
    return exporting.as_json(exporting.export(said, name=text[:100]))


# The content of a file by its name.
FILES: Final[dict[str, Callable[[str], bytes]]] = {
    "a.md": str.encode,
    "heading.md": lambda text: f"# {' '.join(text.split())}\n\nThe library opens.".encode(),
    "cell.md": lambda text: f"| a | b |\n|---|---|\n| {text} | c |\n".encode(),
    "matter.md": lambda text: f"---\ntitle: {text}\n---\nThe library opens.\n".encode(),
    "a.mdx": str.encode,
    "a.txt": str.encode,
    "a.csv": lambda text: f"question,answer\n{text},{text}\n".encode(),
    "a.json": _as_json,
    "a.html": str.encode,
    "body.html": lambda text: f"<title>{text}</title><h1>{text}</h1><p>{text}</p>".encode(),
    "a.rst": str.encode,
    "a.docx": _as_docx,
    "a.pdf": _as_pdf,
    "a.zip": lambda text: zipped({"a.md": text, "b/c.html": text, text[:30]: text}),
    "chat.json": _as_chat,
}


def _files(core: Core, folder: Path) -> Iterator[Entrance]:
    place = folder / "files"
    place.mkdir()
    sources.add_paths(core.store, [place], Scope(GUILD), "mkdocs:https://docs.example.org")

    def jobs(name: str, content: Callable[[str], bytes], text: str) -> Iterator[Progress]:
        for file in place.iterdir():
            file.unlink()
        # Lone surrogates can't be written.
        legal = text.encode(errors="replace").decode()
        (place / f"{next(_numbers)}{name}").write_bytes(content(legal)[:MAX_BYTES])
        return index_updates.update_files(core)

    for name, content in FILES.items():
        copies = max(1, len(content("a" * 3_000)) // 3_000)
        yield Entrance(name, MAX_BYTES // copies, partial(jobs, name, content))


# The web.


def _site(core: Core, text: str) -> Iterator[object]:
    with WebServer() as server:
        site = CrawledSite(server, core.pages)
        body = f"<title>{text[:200]}</title><h1>{text[:200]}</h1><p>{text}<a href='b'>b</a>"
        server.pages |= {
            "/docs/": Reply(body),
            "/docs/b": Reply(text, headers={"ETag": '"1"'}),
            "/docs/sitemap.xml": Reply(text, kind="text/xml"),
            "/robots.txt": Reply(text, kind="text/plain"),
        }
        yield from site.steps()
        yield from _index(core, iter(site.found()))


def _mediawiki(text: str) -> WikiServer:
    """A wiki that sends the text as it is, not inside of an element."""
    server = WikiServer()
    server.content = {1: WikiPage(text[:255]), 2: WikiPage("Ferry")}
    pages = {"1": text, "2": f"<h2>{text}</h2><p>{text}</p>"}
    server.always = lambda asked: (
        {"parse": {"title": "Ferry", "text": pages[asked["pageid"]]}}
        if asked["action"] == "parse"
        else server.queried(asked)
    )
    return server


def _mediawiki_list(text: str) -> WikiServer:
    """A wiki that names one page in half as many parts as the text has characters."""
    server = WikiServer()
    server.content[1] = WikiPage("Ferry")

    def answer(asked: Any) -> Any:
        told = server.queried(asked)
        if pages := told.get("query", {}).get("pages"):
            pages += [{"pageid": 1, "r": [text[at : at + 2]]} for at in range(0, len(text), 2)]
        return told

    server.always = answer
    return server


def _dokuwiki(text: str) -> WebServer:
    server = WebServer()
    spoilt = Service(server, lambda *_: None)  # type: ignore[arg-type]
    spoilt.heading = f"{text}</h1>{text}"
    return server


def _wiki(kind: type[Wiki], text: str) -> DescribedServer:
    wiki = kind()
    wiki.pages = {1: Page(text[:100], text), 2: Page("Pier", f"# {' '.join(text.split())}")}
    return wiki.server


def _discourse(text: str) -> DescribedServer:
    server = DescribedServer("discourse", "")
    posts: list[Post] = [("mira", f"<p>How? {text}", {}), ("ada", f"<p>{ANSWER} {text}</p>", {})]
    Forum(server).topics[1] = Topic(f"How? {text[:200]}", posts, accepted=2)
    return server


def _github(text: str) -> DescribedServer:
    hub = Hub()
    comment = ("ada", "OWNER", f"{ANSWER} {text}")
    hub.add(7, f"How? {text[:200]}", comment, body=f"How can I? {text}")
    return hub


def _gitlab(text: str) -> DescribedServer:
    lab = Lab()
    lab.add(7, f"How? {text[:200]}", ("ada", f"{ANSWER} {text}"), description=f"How? {text}")
    return lab


def _feed(text: str) -> WebServer:
    server = WebServer()
    item = f"<item><title>{text[:200]}</title><description>{text}</description></item>"
    server.pages["/news.rss"] = Reply(f"<rss>{item}</rss>", kind="application/rss+xml")
    return server


Visit = tuple[str, str, Callable[[str], WebServer]]
# The kind, the path and the server of a service with a text in it.
SERVICES: Final[dict[str, Visit]] = {
    "MediaWiki": ("mediawiki", "", _mediawiki),
    "MediaWiki's list": ("mediawiki", "", _mediawiki_list),
    "DokuWiki": ("dokuwiki", "", _dokuwiki),
    "BookStack": ("bookstack", "", lambda text: _wiki(BookStack, text)),
    "Outline": ("outline", "", lambda text: _wiki(Outline, text)),
    "Discourse": ("discourse", "", _discourse),
    "GitHub": ("github", "/o/n/issues", _github),
    "feed": ("feed", "/news.rss", _feed),
    "GitLab": ("gitlab", "/g/s/p/-/issues", _gitlab),
}


def _service(core: Core, visit: Visit, text: str) -> Iterator[object]:
    kind, path, make = visit
    with make(text) as server:
        base = getattr(server, "base", server.url("").rstrip("/"))
        service = VisitedService(kind, f"{base}{path}", core.pages)
        service.token = "hunter2"  # noqa: S105 - no password of anybody
        yield from service.steps()
        yield from _index(core, iter(service.found()))


def _index(core: Core, corpus: Iterator[Document | Failure]) -> Iterator[Progress]:
    return pipeline.update(core.index, core.embedder, corpus, kinds={Kind.PAGE})


# Members.


def _note(core: Core, text: str) -> Iterator[None]:
    """A note from its form to the public page."""
    title = " ".join(text[:TITLE_CHARACTERS].split()) or "Title"
    try:
        submission = checked_submission(title, f"The harbour. {text}"[:TEXT_CHARACTERS])
    except InvalidNoteError:
        return
    yield from review.embed_ahead(core, GUILD, submission)
    proposed = core.store.contributions.propose(GUILD, MEMBER, 5, submission).note
    yield
    yield from review.embed_similar_ahead(core, proposed)
    review.card_data(core, proposed)
    yield
    review.decide(core, GUILD, proposed.revision.id, MODERATOR, Ruling(Decision.APPROVE))
    yield
    core.store.guilds.change(GUILD, {"page": True}, MODERATOR.id)
    site = site_of_guild(core.store, GUILD, "Harbour", base_url="https://harbour.example.org/")
    yield
    renderer = Renderer(site, NullTranslations())
    for page in pages_of(site):
        renderer.render(page)
        yield
    # Fewer notes on the page, and fewer to compare.
    core.store.contributions.withdraw(GUILD, proposed.id, MEMBER.id)
    yield


def _messages(core: Core, text: str) -> Iterator[object]:
    """A thread of a synced channel: the text in its question and its answer, then thanks."""
    server = Server(next(_numbers))
    thread, _ = server.begin()
    for _ in range(2):
        server.write(thread.id)
    server.threads[thread.id] = replace(server.threads[thread.id], name=text[:100])
    # Longer thanks are no thanks.
    for key, written in list(server.messages[thread.id].items())[:2]:
        words = f"{written.message.text} {text}"[:MESSAGE_CHARACTERS]
        message = replace(written.message, text=words)
        server.messages[thread.id][key] = replace(written, message=message)
    # The driver takes the channel's id for the guild's.
    channel = SyncedChannel(server.channel_id, server.channel_id, SyncedContent.THREADS, NOW)
    core.store.synced_channels.add(channel, MODERATOR.id)
    core.archive.set_channels(core.store.synced_channels.all())
    core.archive.begin_round(channel.id, NOW)
    driver = SyncDriver(core, server)
    for _ in range(_REQUESTS):
        driver.ask()
        driver.take()
        yield None
    yield from index_updates.update_channels(core)
    channel_sync_steps.remove(core, channel.id, channel.guild_id, MODERATOR.id)


def _archive(folder: Path, text: str) -> Iterator[None]:
    """An export whose note was edited, imported into the database that it is of."""
    place = folder / f"archive{next(_numbers)}"
    place.mkdir()
    with Store(place / "community.db") as store:
        note = store.contributions.propose(GUILD, MEMBER, 5, checked_submission("A", "Nine hours."))
        store.decisions.decide(GUILD, note.note.revision.id, MODERATOR, Ruling(Decision.APPROVE))
        export(store.database, place / "out")
        [file] = (place / "out" / "notes").rglob("*.md")
        legal = text.encode(errors="replace").decode()
        file.write_text(file.read_text().replace("Nine hours.", f"Nine. {legal}"))
        yield
        with suppress(FolderError):
            importer.import_folder(store, place / "out")
        yield
    shutil.rmtree(place)


QUICK_CHARACTERS: Final = 16_000
THOROUGH_CHARACTERS: Final = 64_000
# Each entrance meets every so many-th fragment, others than the entrance before it.
STEP: Final = 40
# Held the interpreter for minutes once.
ONCE: Final = ("\u0323\u0301", ">", "[a](b ", "<code>http://", ".", "# \u27e8\u0323\u0301\u27e9")


def _dear_texts(folder: Path, characters: int, step: int, first: tuple[str, ...]) -> list[Dear]:
    found = []
    with entrances(folder, WordEmbedder(64)) as all_entrances:
        for place, entrance in enumerate(all_entrances):
            fragments = (*first, *FRAGMENTS[place % step :: step])
            found += [dear(entrance, fragment, characters) for fragment in fragments]
    return [text for text in found if text is not None]


def test_no_pumped_text_is_a_job_of_a_second(tmp_path: Path) -> None:
    assert _dear_texts(tmp_path, QUICK_CHARACTERS, STEP, ONCE) == []


@pytest.mark.slow
def test_no_longer_pumped_text_is_a_job_of_a_second(tmp_path: Path) -> None:
    assert _dear_texts(tmp_path, THOROUGH_CHARACTERS, len(FRAGMENTS), ONCE) == []


def test_each_entrance_reads_plain_words_to_their_end(tmp_path: Path) -> None:
    """Otherwise hostile words would be refused at the door, and show nothing."""
    embedder = WordEmbedder(64)
    unread = []
    with entrances(tmp_path, embedder) as all_entrances:
        for entrance in all_entrances:
            embedder.calls.clear()
            for _ in entrance.jobs("The lighthouse keeper waits until nine. " * 20):
                pass
            if not any("lighthouse keeper waits" in text for text in embedder.texts):
                unread.append(entrance.name)
    # The one repeats a page's number, the other is read into the community database only.
    assert unread == ["MediaWiki's list", "archive"]


def _spin(text: str, *, power: float) -> Iterator[None]:
    for _ in range(int((len(text) / 1_000) ** power)):
        sum(range(5_000))
    yield


@pytest.mark.parametrize(("power", "is_dear"), [(1, False), (2, True), (3, True)])
def test_a_job_that_grows_too_fast_is_found(power: float, is_dear: bool) -> None:
    entrance = Entrance("loop", 128_000, partial(_spin, power=power))
    found = dear(entrance, "a", QUICK_CHARACTERS, most=0.1)
    assert (found is not None) == is_dear

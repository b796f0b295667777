"""Pages and other files of a site, and their rendering with Jinja.

A page is a value: path, template and context. Its digest covers all its inputs, so unchanged pages
aren't rendered again. An operator's templates override the built-in ones.

Source:
    sitemaps.org, "Sitemaps XML format".
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date
from functools import lru_cache, partial
from gettext import NullTranslations
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import regex
from jinja2 import (
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    select_autoescape,
)
from jinja2.bccache import Bucket
from jinja2.loaders import BaseLoader, PackageLoader
from markupsafe import Markup

from knowledge.page.markdown import to_html, to_plain
from knowledge.page.site import (
    ASKED,
    DARK,
    LIGHT,
    NEWEST,
    POLICY,
    PublishedNote,
    PublishError,
    Site,
    printable,
    readable_accent,
    tag_address,
)
from knowledge.text import QUESTION_MARKS
from knowledge.values.calendar_words import long_date
from knowledge.values.submissions import is_link

# Lengths of the first page's list and tags, of a list's page, and of the feed.
_FIRST: Final = 10
_FIRST_TAGS: Final = 12
LISTED: Final = 100
_FEED: Final = 50
# A list that fits into a model's context.
_FOR_MODELS: Final = 1_000
SITEMAP_URLS: Final = 50_000


class Listed(NamedTuple):
    """A note in a list."""

    address: str
    title: str
    tags: tuple[str, ...]
    verified: date


@dataclass(frozen=True, slots=True)
class Page:
    """One file of the site, before rendering."""

    path: str
    template: str
    context: dict[str, Any]

    @property
    def address(self) -> str:
        return self.path.removesuffix("index.html")

    @property
    def depth(self) -> int:
        return self.path.count("/")

    def digest(self, shared: str) -> str:
        """The digest of all inputs. `shared` is the digest of inputs common to all pages."""
        return hashlib.sha256(f"{shared}\0{self!r}".encode()).hexdigest()


def pages(site: Site) -> Iterator[Page]:
    everything = sorted(site.notes, key=lambda note: (note.updated, note.address), reverse=True)
    notes = [note for note in everything if not note.is_article]
    listed = {
        note.address: Listed(note.address, note.title, note.tags, note.verified)
        for note in everything
    }
    for note in everything:
        related = tuple(listed[address] for address in note.related if address in listed)
        context = {"note": _for_page(note), "related": related}
        yield Page(f"{note.address}index.html", "note.html", context)

    newest = [listed[note.address] for note in notes]
    yield from _list_pages(NEWEST, "newest", newest)
    by_count = sorted(notes, key=lambda note: note.asked_count, reverse=True)
    asked = [listed[note.address] for note in by_count if note.asked_count]
    yield from _list_pages(ASKED, "asked", asked[:LISTED])
    tagged: dict[str, list[Listed]] = {}
    for note in everything:
        for tag in note.tags:
            tagged.setdefault(tag, []).append(listed[note.address])
    for tag, under_tag in tagged.items():
        yield from _list_pages(tag_address(tag), "tag", under_tag, tag)

    most = sorted(tagged, key=lambda tag: (-len(tagged[tag]), tag))
    counts = tuple((tag, len(tagged[tag])) for tag in most)
    yield Page("tags/index.html", "tags.html", {"tags": tuple(sorted(counts))})
    context = {
        "tags": counts[:_FIRST_TAGS],
        "newest": tuple(newest[:_FIRST]),
        "asked": tuple(asked[:_FIRST]),
        "articles": tuple(listed[note.address] for note in everything if note.is_article),
    }
    yield Page("index.html", "index.html", context)
    yield Page("404.html", "404.html", {})
    yield Page("style.css", "style.css", {})
    if site.base_url:
        yield Page("feed.xml", "feed.xml", {"notes": tuple(map(_for_page, notes[:_FEED]))})
    if site.indexed:
        yield Page("llms.txt", "llms.txt", {"notes": tuple(newest[:_FOR_MODELS])})


def _list_pages(address: str, kind: str, notes: Sequence[Listed], tag: str = "") -> Iterator[Page]:
    """Divide a list into pages, newest first.

    All pages but the first have a fixed length, and are numbered from the oldest. So a new note
    changes only the first page.
    """
    full = max(len(notes) // LISTED - 1, 0)
    ends = [len(notes) - number * LISTED for number in range(full, -1, -1)]
    places = [address, *(f"{address}{number}/" for number in range(full, 0, -1))]
    for at, (place, end) in enumerate(zip(places, ends, strict=True)):
        context = {
            "kind": kind,
            "tag": tag,
            "notes": tuple(notes[ends[at - 1] if at else 0 : end]),
            "before": places[at - 1] if at else "",
            "after": places[at + 1] if at + 1 < len(places) else "",
        }
        yield Page(f"{place}index.html", "list.html", context)


def _for_page(note: PublishedNote) -> PublishedNote:
    """The note as its page has it.

    Without the `asked_count`, a new question doesn't change the page. A link of another scheme than
    http and https is left out; an archive may have brought it.
    """
    return replace(note, asked_count=0, link=note.link if is_link(note.link) else "")


# Files that aren't pages.


def machine_files(site: Site) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file that isn't a page: sitemap, robots.txt, gone paths, icon."""
    listed = ""
    if site.indexed and site.base_url:
        newest = sorted(site.notes, key=lambda note: (note.updated, note.address), reverse=True)
        urls = "".join(
            f"<url><loc>{escape(site.base_url + quote(note.address))}</loc>"
            f"<lastmod>{note.updated:%Y-%m-%d}</lastmod></url>\n"
            for note in newest[: SITEMAP_URLS - 1]
        )
        yield (
            "sitemap.xml",
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
            f"<url><loc>{escape(site.base_url)}</loc></url>\n{urls}</urlset>\n",
        )
        listed = f"Sitemap: {site.base_url}sitemap.xml\n"
    # A search engine must be allowed to read a page to find its `noindex`.
    yield "robots.txt", f"User-agent: *\nAllow: /\n{listed}"
    # Paths for 410 responses, to include in nginx's `map`.
    base = urlsplit(site.base_url).path or "/"
    yield "gone.txt", "".join(f"{base}{address} 410;\n" for address in sorted(site.gone))
    if site.icon is None:
        # The first character of the server's name, on the accent colour.
        sign = regex.match(r"\X", site.name)
        letter = escape(sign[0].upper()) if sign else ""
        yield (
            "icon.svg",
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
            f'<rect width="40" height="40" rx="10" fill="{readable_accent(site.accent, LIGHT)}"/>'
            '<text x="20" y="28" font-family="system-ui, sans-serif" font-size="22" '
            f'font-weight="600" fill="#fff" text-anchor="middle">{letter}</text></svg>\n',
        )


# Rendering.

_TEMPLATES: Final = ("css", "html", "txt", "xml")
_LIBRARIES: Final = ("Jinja2", "markdown-it-py", "linkify-it-py", "pagefind-bin")


class _CompiledTemplates(BytecodeCache):
    """Cache of compiled templates in memory, shared by the renderers of all sites.

    Compiling the templates takes several times as long as rendering a few notes.
    """

    def __init__(self) -> None:
        self._bytecode: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a compiled template; Jinja discards it if the source's checksum has changed."""
        if bucket.key in self._bytecode:
            bucket.bytecode_from_string(self._bytecode[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._bytecode[bucket.key] = bucket.bytecode_to_string()


_COMPILED: Final = _CompiledTemplates()


@lru_cache(maxsize=64)
def _translatable(template: str) -> tuple[str, ...]:
    """The translatable sentences in a template's source."""
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"]
    )
    found = environment.extract_translations(template)  # type: ignore[attr-defined]
    return tuple(str(message) for _, _, message in found)


class Renderer:
    """Renders the pages of one site to bytes.

    `shared` is the digest of inputs common to all pages: site settings, templates, and code.
    """

    def __init__(
        self, site: Site, translations: NullTranslations, overrides: Path | None = None
    ) -> None:
        loaders: list[BaseLoader] = [PackageLoader("knowledge.page")]
        if overrides is not None:
            loaders.insert(0, FileSystemLoader(overrides))
        self._loader = ChoiceLoader(loaders)
        self._environment = Environment(
            loader=self._loader,
            bytecode_cache=_COMPILED,
            autoescape=select_autoescape(("html", "xml"), default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            # All text of people passes through here on its way to a page.
            finalize=lambda value: printable(value) if type(value) is str else value,
            extensions=["jinja2.ext.i18n"],
        )
        self._environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        self._environment.filters |= {
            "day": partial(long_date, language=site.language),
            "instant": lambda moment: moment.astimezone(UTC).isoformat(timespec="seconds"),
            "markdown": lambda text, **how: Markup(to_html(text, **how)),  # noqa: S704 - its promise
            "plain": to_plain,
            "tag_address": tag_address,
        }
        self._environment.globals |= {
            "site": site,
            "policy": POLICY,
            "icon": f"icon.{site.icon.kind}" if site.icon else "icon.svg",
            "accent_on_light": readable_accent(site.accent, LIGHT),
            "accent_on_dark": readable_accent(site.accent, DARK),
            "structured": partial(structured_data, site),
        }
        self._base_path = urlsplit(site.base_url).path or "/"
        self.shared = self._shared_digest(site, translations)

    def render(self, page: Page) -> bytes:
        """The bytes of a page; raises PublishError if one of the operator's templates fails."""
        # The 404 page is shown at any path, so it needs absolute links.
        root = self._base_path if page.path == "404.html" else "../" * page.depth
        with _template_errors(page.template):
            template = self._environment.get_template(page.template)
            return template.render(page.context, root=root, address=page.address).encode()

    def _shared_digest(self, site: Site, translations: NullTranslations) -> str:
        header = (
            *(site.name, site.language, site.welcome, site.accent, site.invite, site.base_url),
            *(site.indexed, site.icon and site.icon.digest),
        )
        digest = hashlib.sha256(repr(header).encode())
        digest.update(repr([version(library) for library in _LIBRARIES]).encode())
        for file in sorted(files("knowledge.page").iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
        for name in self._environment.list_templates(extensions=_TEMPLATES):
            with _template_errors(name):
                text, _, _ = self._loader.get_source(self._environment, name)
                digest.update(text.encode())
                for message in _translatable(text):
                    digest.update(translations.gettext(message).encode())
        return digest.hexdigest()


@contextmanager
def _template_errors(template: str) -> Iterator[None]:
    """Raise `PublishError` with the template's name if the template fails."""
    try:
        yield
    except (TemplateError, UnicodeDecodeError) as error:
        raise PublishError(
            f"The template {template} can't be used ({error}). Fix it in your template folder, or "
            "delete it there to use the built-in one."
        ) from error


def structured_data(site: Site, note: PublishedNote) -> Markup:
    """JSON-LD of schema.org: a `QAPage` if the title is a question, otherwise an `Article`."""
    title, text = printable(note.title), to_plain(note.text)
    publisher = {"@type": "Organization", "name": printable(site.name)}
    author = (
        {"@type": "Person", "name": printable(note.contributor)} if note.contributor else publisher
    )
    common: dict[str, Any] = {
        "author": author,
        "datePublished": note.first_published.isoformat(),
        "dateModified": note.updated.isoformat(),
    }
    if site.base_url:
        common["url"] = site.base_url + note.address
    data: dict[str, Any] = {"@context": "https://schema.org"}
    if title.endswith(QUESTION_MARKS):
        answer = {"@type": "Answer", "text": text, **common}
        question = {"@type": "Question", "name": title, "text": title, "answerCount": 1, **common}
        data |= {"@type": "QAPage", "mainEntity": {**question, "acceptedAnswer": answer}}
    else:
        data |= {"@type": "Article", "headline": title, "articleBody": text, **common}
        data |= {"publisher": publisher, "keywords": list(note.tags)}
    written = json.dumps(data, ensure_ascii=False, sort_keys=True)
    # So that no text can close the script element.
    for sign in "<>&":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(written)  # noqa: S704 - escaped above

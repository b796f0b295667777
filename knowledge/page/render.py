"""Renderer of pages: Jinja templates, with the operator's overrides."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from functools import lru_cache, partial
from gettext import NullTranslations
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

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
from knowledge.page.pages import Page
from knowledge.page.site import (
    DARK,
    LIGHT,
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
        """The bytes of a page.

        Raises:
            PublishError: if one of the operator's templates fails.
        """
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

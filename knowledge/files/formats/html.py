"""Parser of HTML: the page's main content as Markdown.

Navigation, forms, scripts and other repeated parts of a site are left out. Headings, lists, tables,
code and links stay. A link without a web or e-mail address is reduced to its words.
"""

import re
import warnings
from typing import Any, Final
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag, UnicodeDammit, XMLParsedAsHTMLWarning
from bs4.element import NavigableString
from markdownify import MarkdownConverter

from knowledge.files.formats.wiki_page import wiki_body
from knowledge.files.parsed_file import (
    MAX_DEPTH,
    NO_TEXT,
    WIDE_MARKS,
    ParsedFile,
    UnreadableError,
    one_line,
)
from knowledge.files.robots_meta import hiding_rule_of_tags
from knowledge.files.site_addresses import with_own_id

# Parts of a page besides its text.
_AROUND: Final = (
    "script, style, noscript, template, nav, form, button, iframe, object, svg, canvas, "
    # Asides that belong to the text: docutils' topics and footnotes, Starlight's notes.
    "aside:not(.topic, .footnote, .footnote-list, .starlight-aside), "
    "footer, dialog, [hidden], [aria-hidden=true], [role=navigation], [role=search], "
    "[role=contentinfo], a.headerlink, a.lightbox .meta, .sphinxsidebar, td.linenos, span.linenos, "
    # Tables of contents of DocBook, MediaWiki, docutils and Sphinx. They would match every question
    # without answering one.
    "div.toc, div#toc, ul.toc, ol.toc, div.contents.topic, div.toctree-wrapper, .dw__toc, "
    # Parts around an article in DokuWiki, and its links to and from footnotes.
    ".docInfo, .pageId, a.fn_top, a.fn_bot, "
    # GitBook's and HonKit's search, and VitePress' label of a code block.
    ".search-results, div[class*=language-] > span.lang, "
    # Parts that the author hides from printers or search engines.
    ".noprint, [data-nosnippet], [data-pagefind-ignore]"
)
_MAIN: Final = ("main", "[role=main]", "article")
_LANGUAGE = re.compile(r"(?:language|lang|highlight(?:-source|-lang)?)-(?P<name>[\w+#-]+)")
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_ABSOLUTE: Final = ("http://", "https://", "mailto:")
# Never used by pages; decoding a megabyte would take a minute.
_NO_ENCODINGS: Final = ("punycode",)
# Encodings that a page can't truthfully declare in ASCII. Browsers take UTF-8 then (the HTML
# standard, "sniffing").
_WIDE: Final = (
    "utf-16",
    "utf-16le",
    "utf-16be",
    "utf16",
    "utf-32",
    "utf-32le",
    "utf-32be",
    "utf32",
)
# Titles of boxes by docutils and Sphinx; the boxes' kinds are no titles.
_TITLES: Final = (
    "p.admonition-title, p.topic-title, p.sidebar-title, p.rubric, dl:not(.docinfo) > dt"
)
_KINDS_OF_BOXES: Final = frozenset(
    ("attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning")
)
# An alternative text with only the name of the picture's file.
_FILE_NAME: Final = re.compile(
    r"\s*[^\s<>]{0,500}\.(?:png|jpe?g|gif|webp|svg|avif|bmp|ico)\s*\Z", re.I
)
# The beginning of a line like a Markdown heading.
_LIKE_A_HEADING: Final = re.compile(r"^(?=#{1,6}(?:[ \t]|$)|[=-]+[ \t]*$)", re.MULTILINE)
_BLANKS = re.compile(r"[\t \r\n]{2,}+|\r|\t")
_BLANK_LINES = re.compile(r"\n{3,}")


def parse_html(content: bytes, name: str) -> ParsedFile:
    """Parse an HTML page, in the encoding that it declares.

    If there is one level-one heading, it becomes the title, otherwise the `<title>`. `hidden` is
    the rule against quoting in the page's robots tags.

    Raises:
        UnreadableError: if the page has no text, or is nested too deeply.
    """
    soup = page_soup(content)
    canonical = _attribute(soup.select_one("link[rel=canonical][href]"), "href")
    link = canonical if canonical.startswith(("http://", "https://")) else ""
    tags = [(_attribute(tag, "name"), _attribute(tag, "content")) for tag in soup.select("meta")]
    hidden = hiding_rule_of_tags(tags)
    main = _main(soup)
    # Citations of sections link to these ids.
    headings: list[str] = []
    for heading in main.find_all(_HEADINGS):
        own_id = _own_id(heading)
        _drop_own_links(heading)
        words = one_line(heading.get_text())
        if own_id:
            heading.append(with_own_id("", own_id))
        if heading.name == "h1":
            headings.append(words)
    text = to_markdown(main, link)
    if not text:
        raise UnreadableError(NO_TEXT)
    page_title = one_line(soup.title.get_text()) if soup.title else ""
    title = headings[0] if len(headings) == 1 and headings[0] else page_title
    return ParsedFile(title or name, text, link=link, hidden=hidden)


def page_soup(content: bytes) -> BeautifulSoup:
    """Parse a page to a tree of tags, in the encoding that it declares.

    Raises:
        UnreadableError: if the page is nested too deeply.
    """
    excluded = _NO_ENCODINGS if content.startswith(WIDE_MARKS) else (*_NO_ENCODINGS, *_WIDE)
    told = UnicodeDammit(content, is_html=True, exclude_encodings=excluded)
    return _soup(told.unicode_markup or "")


def fragment_to_markdown(html: str, code: str = "code") -> str:
    """Convert a piece of HTML to Markdown; `code` is the CSS selector for inline code."""
    soup = _soup(html)
    for tag in soup.select(code):
        tag.name = "code"
    return to_markdown(soup)


def to_markdown(root: Tag, base: str = "") -> str:
    soup = BeautifulSoup("", "lxml")
    for link in root.find_all("a", href=True):
        target = _target(base, _attribute(link, "href"))
        if target.startswith(_ABSOLUTE) and link.get_text(strip=True):
            link["href"] = target
            # In wikis, `title` repeats the page's name.
            link.attrs.pop("title", None)
        else:
            link.unwrap()
    # Markdown has no definitions; a chat would show the colons of its extensions.
    for explained in root.find_all("dd"):
        explained.unwrap()
    for titled in root.select(_TITLES):
        if one_line(titled.get_text()).casefold().strip(":") in _KINDS_OF_BOXES:
            titled.decompose()
        elif titled.get_text(strip=True):
            titled.wrap(soup.new_tag("p"))
            titled.name = "strong"
    # Citations show a heading's marks.
    for emphasis in root.select(":is(h1, h2, h3, h4, h5, h6) :is(em, strong, b, i)"):
        emphasis.unwrap()
    for rule in root.find_all("hr"):
        rule.decompose()
    for image in root.find_all("img"):
        alt = _attribute(image, "alt")
        # docutils repeats the address, and other generators the file's name.
        image.replace_with("" if _FILE_NAME.match(alt) else alt)
    converter = _Converter(
        heading_style="ATX",
        bullets="-",
        code_language_callback=_language,
        escape_underscores=False,
        escape_misc=False,
        table_infer_header=True,
        strip_pre=None,
    )
    text: str = converter.convert_soup(root)
    lines = (line.rstrip() for line in text.replace("\u00a0", " ").split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


class _Converter(MarkdownConverter):
    """markdownify's converter, but runs of blanks are collapsed first.

    On long runs, markdownify's own patterns would take quadratic time.
    """

    def process_text(self, el: NavigableString, parent_tags: set[str] | None = None) -> str:
        if "pre" not in (parent_tags or ()):
            calm = NavigableString(_BLANKS.sub(_one_blank, el))
            el.replace_with(calm)
            el = calm
        # The library's types leave its methods out.
        text = str(super().process_text(el, parent_tags))  # type: ignore[misc]
        return text if "pre" in (parent_tags or ()) else _LIKE_A_HEADING.sub(r"\\", text)

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """Convert a code block without the blank lines around the code."""
        text = text.rstrip(" \n")
        indented = len(text) - len(text.lstrip(" \n"))
        text = text[text.rfind("\n", 0, indented) + 1 :]
        return str(super().convert_pre(el, text, parent_tags))  # type: ignore[misc]


def _one_blank(run: re.Match[str]) -> str:
    return "\n" if run[0].strip("\t ") else " "


def _target(base: str, href: str) -> str:
    """The absolute address of a link; empty if invalid."""
    try:
        return urljoin(base, href) if base else href
    except ValueError:
        return ""


def _soup(html: str) -> BeautifulSoup:
    with warnings.catch_warnings():
        # XHTML is read as HTML, which it nearly always is.
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(html, "lxml")
    _check_depth(soup)
    return soup


def _check_depth(soup: BeautifulSoup) -> None:
    depths = {id(soup): 0}
    for tag in soup.find_all(True):
        depth = depths[id(tag.parent)] + 1
        depths[id(tag)] = depth
        if depth > MAX_DEPTH:
            raise UnreadableError(f"has tags nested more than {MAX_DEPTH} levels deep.")


def _main(soup: BeautifulSoup) -> Tag:
    """The main part of a page, without navigation, headers and footers."""
    wiki = wiki_body(soup)
    for around in soup.select(_AROUND):
        around.decompose()
    if wiki is not None and wiki.get_text(strip=True):
        return _article(wiki, soup)
    for selector in _MAIN:
        found = soup.select(selector)
        if len(found) == 1 and found[0].get_text(strip=True):
            return _article(found[0], soup)
    body = soup.body or soup
    for header in body.find_all("header"):
        if not header.find("h1"):
            header.decompose()
    return body


def _article(main: Tag, soup: BeautifulSoup) -> Tag:
    """The `<article>` in `main` if it has the `<h1>` and most of the text; else `main`.

    MediaWiki's `<h1>` is outside `main`, and is moved into `main` first.
    """
    heading = soup.select_one("h1#firstHeading")
    if heading is not None and main.find("h1") is None:
        main.insert(0, heading.extract())
    inside = main.find_all("article")
    if len(inside) == 1 and inside[0].find("h1"):
        article, whole = len(inside[0].get_text()), len(main.get_text())
        return inside[0] if 2 * article > whole else main
    return main


def _drop_own_links(heading: Tag) -> None:
    """Unwrap a heading's links to anchors on the page; drop links without words, such as "#"."""
    for link in heading.select('a[href^="#"]'):
        if any(map(str.isalnum, link.get_text())):
            link.unwrap()
        else:
            link.decompose()


def _language(pre: Tag) -> str:
    """The language of a code block, by classes on the block, its parents or its child."""
    around = [tag for tag in list(pre.parents)[:2] if tag.name == "div"]
    near: list[Any] = [pre, *pre.find_all("code", limit=1), *around]
    for tag in near:
        classes = " ".join(tag.get_attribute_list("class", [""]))
        match = _LANGUAGE.search(f"lang-{tag['lang']}" if tag.get("lang") else classes)
        if match and match["name"] not in ("default", "none", "text"):
            return match["name"].removeprefix("source-")
    return ""


def _own_id(heading: Tag) -> str:
    """The id for links to a heading: of the heading, an element in it, or its section."""
    own = _attribute(heading, "id") or _attribute(heading.find(id=True), "id")
    section = heading.parent
    if own or section is None or section.name not in ("section", "div"):
        return own
    return _attribute(section, "id") if section.find(True) is heading else ""


def _attribute(tag: Tag | None, key: str) -> str:
    value = tag.get(key, "") if tag is not None else ""
    return value if isinstance(value, str) else " ".join(value or ())

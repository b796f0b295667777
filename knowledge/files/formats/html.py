"""Parser of HTML: the page's main content as Markdown.

Navigation, forms, scripts and other repeated parts of a site are left out. Headings, lists, tables,
code and links stay. A link without a web or e-mail address is reduced to its words. Of a MediaWiki
page, the article stays, with infoboxes as lists of facts.
"""

import re
import warnings
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag, UnicodeDammit, XMLParsedAsHTMLWarning
from bs4.element import NavigableString
from markdownify import MarkdownConverter

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
    the rule against quoting in the page's robots tags. Raises UnreadableError if the page has no
    text, or is nested too deeply.
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
        # Links to anchors on the page; those without words, such as "#", are dropped.
        for anchor in heading.select('a[href^="#"]'):
            if any(map(str.isalnum, anchor.get_text())):
                anchor.unwrap()
            else:
                anchor.decompose()
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
    """Parse a page in the encoding that it declares; UnreadableError if it's nested too deeply."""
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
            calm = NavigableString(
                _BLANKS.sub(lambda run: "\n" if run[0].strip("\t ") else " ", el)
            )
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
    depths = {id(soup): 0}
    for tag in soup.find_all(True):
        depth = depths[id(tag.parent)] + 1
        depths[id(tag)] = depth
        if depth > MAX_DEPTH:
            raise UnreadableError(f"has tags nested more than {MAX_DEPTH} levels deep.")
    return soup


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


# A page of MediaWiki.

_BODY: Final = "mw-parser-output"
# Before MediaWiki 1.30.
_OLDER_BODY: Final = "mw-content-text"
# Links for editors, navigation boxes, footnotes and their marks, notices about the page, and parts
# for print only.
_CHROME_CLASSES: Final = """mw-editsection toc navbox navbox-styles vertical-navbox sidebar noprint
    navigation-not-searchable printonly print-only printfooter catlinks mw-jump-link mw-indicators
    reference references mw-references-wrap mw-cite-backlink metadata ambox hatnote dablink
    mw-broken-media magnify pi-navigation pi-image tabber__header"""
_CHROME: Final = frozenset(_CHROME_CLASSES.split())
_HIDDEN: Final = re.compile(r"display\s{0,9}:\s{0,9}none", re.IGNORECASE)
_WIKI_HEADINGS: Final = frozenset({"h2", "h3", "h4", "h5", "h6", "mw-heading"})
# A table with at least this many links, which are half of its text, is for navigation.
_BOX_LINKS: Final = 10
_PICTURE: Final = re.compile(r"\.(?:png|jpe?g|gif|webp|svg)\Z", re.IGNORECASE)
# Elements of an infobox that become a line, in tables and in Fandom's boxes.
_LINES: Final = frozenset({"tr", "li", "pi-data", "pi-header", "pi-smart-group"})
_WIDE_CELL: Final = "pi-horizontal-group"


def wiki_body(soup: BeautifulSoup) -> Tag | None:
    """The cleaned article of a MediaWiki page; None for other pages."""
    bodies = soup.find_all(class_=_BODY) or soup.find_all(id=_OLDER_BODY)
    if not bodies:
        return None
    # The site notice has the class of a body, too.
    body = max(bodies, key=lambda body: len(body.get_text()))
    for chrome in body.find_all(
        lambda tag: (
            not _CHROME.isdisjoint(_classes(tag)) or bool(_HIDDEN.search(str(tag.get("style"))))
        )
    ):
        chrome.decompose()
    _drop_navigation_tables(body)
    for picture in body.find_all("img"):
        alt = str(picture.get("alt", ""))
        picture.replace_with("" if _PICTURE.search(alt) else alt)
    for definitions in reversed(body.find_all("dl")):
        _list_terms(definitions)
    parts = body.find_all(True, recursive=False)
    headings = (
        part for part in parts if not _WIKI_HEADINGS.isdisjoint((part.name, *_classes(part)))
    )
    first = next(headings, None)
    # Outermost infoboxes become lists of facts, below the introduction.
    for box in body.find_all(lambda tag: _is_box(tag) and not any(map(_is_box, tag.parents))):
        facts = Tag(name="ul")
        for label, value in _lines(box):
            item = Tag(name="li")
            item.string = f"{label}: {value}" if label and value else label or value
            facts.append(item)
        if not facts.contents:
            continue
        if first is None:
            body.append(facts)
        else:
            first.insert_before(facts)
        box.decompose()
    return body


def _drop_navigation_tables(article: Tag) -> None:
    """Drop navigation tables at the end of an article."""
    for last in reversed(article.find_all(True, recursive=False)):
        words = last.get_text(strip=True)
        if not words:
            continue
        links = last.find_all("a")
        linked = sum(len(link.get_text(strip=True)) for link in links)
        if last.name != "table" or len(links) < _BOX_LINKS or 2 * linked < len(words):
            return
        last.decompose()


def _list_terms(definitions: Tag) -> None:
    """Replace a definition list by a bulleted list, or by paragraphs if the list has no terms."""
    parts = definitions.find_all(["dt", "dd"], recursive=False)
    if not any(part.name == "dt" for part in parts):
        for part in parts:
            part.name = "div"
        definitions.unwrap()
        return
    definitions.name = "ul"
    item: Tag | None = None
    between = ": "
    for part in parts:
        if part.name == "dt" or item is None:
            item = part
            if part.name == "dt":
                term = Tag(name="b")
                term.extend(list(part.contents))
                part.append(term)
            part.name, between = "li", ": "
        else:
            item.append(between)
            item.extend(list(part.contents))
            part.decompose()
            between = " "


def _is_box(tag: Tag) -> bool:
    return any("infobox" in name for name in _classes(tag))


def _classes(tag: Tag) -> list[str]:
    return [name or "" for name in tag.get_attribute_list("class")]


def _lines(box: Tag) -> Iterator[tuple[str, str]]:
    """The (label, value) pairs of an infobox, except its title; a heading's value is empty."""
    begun = False
    for line in box.find_all(_is_line):
        for label, value in _pairs(line):
            if begun or value:
                yield label, value
            begun = True


def _is_line(tag: Tag) -> bool:
    names = {tag.name, *_classes(tag)}
    if _WIDE_CELL in names:
        return True
    if _LINES.isdisjoint(names) or tag.find(["tr", "li"]) is not None:
        return False
    return tag.find_parent(class_=_WIDE_CELL) is None and tag.find_parent(["tr", "li"]) is None


def _pairs(line: Tag) -> Iterator[tuple[str, str]]:
    classes = _classes(line)
    if _WIDE_CELL in classes or "pi-smart-group" in classes:
        labels = line.find_all(class_=["pi-data-label", "pi-smart-data-label"])
        values = line.find_all(class_=["pi-data-value", "pi-smart-data-value"])
        yield from zip(map(_words, labels), map(_words, values), strict=False)
    elif "pi-data" in classes:
        label, value = (line.find(class_=f"pi-data-{part}") for part in ("label", "value"))
        yield _words(label), _words(value)
    else:
        cells = line.find_all(["th", "td"], recursive=False) or [line]
        if any("caption" in name for cell in cells for name in _classes(cell)):
            return
        first, *others = [*filter(None, map(_words, cells)), ""]
        is_heading = cells[0].name == "th" or "pi-header" in classes
        rest = ", ".join(filter(None, others))
        yield (first, rest) if rest or is_heading else ("", first)


def _words(part: Tag | None) -> str:
    """The words of a cell in one line; semicolons separate its lines."""
    if part is None:
        return ""
    for line in part.find_all(["br", "li"]):
        line.insert_before("; ")
    return "; ".join(filter(None, (name.strip() for name in one_line(part.get_text()).split(";"))))

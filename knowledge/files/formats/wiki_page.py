"""Extraction of a MediaWiki page's article, with infoboxes as lists of facts.

Accepts a whole page, or the part of it that the API renders.
"""

import re
from collections.abc import Iterator
from typing import Final

from bs4 import BeautifulSoup, Tag

from knowledge.files.parsed_file import one_line

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
_HEADINGS: Final = frozenset({"h2", "h3", "h4", "h5", "h6", "mw-heading"})
# A table with at least this many links, which are half of its text, is for navigation.
_BOX_LINKS: Final = 10
_PICTURE: Final = re.compile(r"\.(?:png|jpe?g|gif|webp|svg)\Z", re.IGNORECASE)
# Elements of an infobox that become a line, in tables and in Fandom's boxes.
_LINES: Final = frozenset({"tr", "li", "pi-data", "pi-header", "pi-smart-group"})
_WIDE: Final = "pi-horizontal-group"


def wiki_body(soup: BeautifulSoup) -> Tag | None:
    """The cleaned article of a MediaWiki page; None for other pages."""
    bodies = soup.find_all(class_=_BODY) or soup.find_all(id=_OLDER_BODY)
    if not bodies:
        return None
    # The site notice has the class of a body, too.
    body = max(bodies, key=lambda one: len(one.get_text()))
    for chrome in body.find_all(_is_chrome):
        chrome.decompose()
    _drop_navigation_tables(body)
    for picture in body.find_all("img"):
        alt = str(picture.get("alt", ""))
        picture.replace_with("" if _PICTURE.search(alt) else alt)
    for definitions in reversed(body.find_all("dl")):
        _list_terms(definitions)
    first = next(filter(_is_heading, body.find_all(True, recursive=False)), None)
    for box in body.find_all(_is_infobox):
        if (facts := _facts(box)) is None:
            continue
        # The facts follow the introduction.
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


def _is_chrome(tag: Tag) -> bool:
    return not _CHROME.isdisjoint(_classes(tag)) or bool(_HIDDEN.search(str(tag.get("style", ""))))


def _is_heading(tag: Tag) -> bool:
    return not _HEADINGS.isdisjoint((tag.name, *_classes(tag)))


def _is_infobox(tag: Tag) -> bool:
    """Whether a tag is an outermost infobox."""
    return _is_box(tag) and not any(map(_is_box, tag.parents))


def _is_box(tag: Tag) -> bool:
    return any("infobox" in name for name in _classes(tag))


def _classes(tag: Tag) -> list[str]:
    return [name or "" for name in tag.get_attribute_list("class")]


def _facts(box: Tag) -> Tag | None:
    """An infobox as a list of facts; None if the infobox has no facts."""
    facts = Tag(name="ul")
    for label, value in _lines(box):
        item = Tag(name="li")
        item.string = f"{label}: {value}" if label and value else label or value
        facts.append(item)
    return facts if facts.contents else None


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
    if _WIDE in names:
        return True
    if _LINES.isdisjoint(names) or tag.find(["tr", "li"]) is not None:
        return False
    return tag.find_parent(class_=_WIDE) is None and tag.find_parent(["tr", "li"]) is None


def _pairs(line: Tag) -> Iterator[tuple[str, str]]:
    classes = _classes(line)
    if _WIDE in classes or "pi-smart-group" in classes:
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

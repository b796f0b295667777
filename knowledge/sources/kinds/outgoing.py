"""Outgoing links of a page and its canonical address, extracted in the sandbox.

Links with `nofollow` are left out. If the page itself has `nofollow`, all its links are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import sandbox
from knowledge.files.robots_meta import nofollow_rule_of_tags
from knowledge.files.sandbox_process import Parsed
from knowledge.sources.net.addresses import normal_url, problem_with_url

# The largest number of links kept of a page.
LINKS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A page's canonical address, if it names one, and its links in order."""

    canonical: str = ""
    links: tuple[str, ...] = ()


def extract_links(content: bytes, url: str) -> Outgoing:
    """The links of an HTML page; no links if the page can't be parsed."""
    try:
        return sandbox.begin(extract_links_in_sandbox, content, url, _checked_links).result()
    except UnreadableError:
        return Outgoing()


def extract_links_in_sandbox(content: bytes, url: str) -> Parsed:
    """Extract the canonical address, and a line for each link; runs in the sandbox."""
    from knowledge.files.formats.html import page_soup

    soup = page_soup(content)
    base = normal_url(_href(soup.select_one("base[href]")), url) or url
    canonical = soup.select_one("link[rel=canonical][href]")
    named = _absolute(_href(canonical), base) if canonical is not None else ""
    tags = [(str(tag.get("name") or ""), str(tag.get("content") or "")) for tag in soup("meta")]
    if ("generator", "MediaWiki") in ((name, content[:9]) for name, content in tags):
        _reduce_to_article(soup)
    found = [] if nofollow_rule_of_tags(tags) else list(dict.fromkeys(_links(soup, base)))
    return {"canonical": named}, "\n".join(found[:LINKS])


def _href(tag: Any) -> str:
    return str(tag.get("href") or "") if tag is not None else ""


def _reduce_to_article(soup: Any) -> None:
    """Reduce a MediaWiki page to its article and categories, without links for editing."""
    parts = [part.extract() for part in soup.select("#mw-content-text, #catlinks ul")]
    soup.clear()
    soup.extend(parts)
    for tool in soup.select(".mw-editsection, .printfooter, a.new"):
        tool.decompose()


def _links(soup: Any, base: str) -> Iterator[str]:
    for tag in soup.find_all("a", href=True):
        rel = tag.get("rel") or ()
        words = rel.split() if isinstance(rel, str) else rel
        if "nofollow" not in {word.lower() for word in words}:
            found = _absolute(str(tag["href"]), base)
            if found:
                yield found


def _absolute(href: str, base: str) -> str:
    found = normal_url(href.strip(), base)
    return "" if not found or "\n" in found or problem_with_url(found) else found


def _checked_links(values: dict[str, Any], text: str) -> Outgoing:
    """Check and convert the result of `extract_links_in_sandbox`.

    Raises:
        ValueError, TypeError, LookupError: if the result is malformed.
    """
    links = tuple(text.split("\n")) if text else ()
    found = [values["canonical"], *links]
    if len(links) > LINKS or any(link and problem_with_url(link) for link in found):
        raise ValueError("These are no links of a page.")
    return Outgoing(values["canonical"], links)

"""Robots rules of a page (`noindex`, `nosnippet`, `nofollow`): whether it may be quoted.

The rules are in `X-Robots-Tag` headers and `<meta name="robots">` tags. Rules that name another
program, and rules about dates, are ignored.

Source:
    https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag
"""

from collections.abc import Iterable
from typing import Final

# The name of this program in robots.txt, `<meta>` tags and requests.
NAME: Final = "Commonplace"

# A quotation is a snippet, so `nosnippet` forbids it, too.
_HIDING: Final = frozenset({"noindex", "none", "nosnippet"})
# Rules against following a page's links.
_NOT_FOLLOWED: Final = frozenset({"nofollow", "none"})
# Rules with a value, which would otherwise look like a program's name.
_VALUED: Final = frozenset(
    {"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"}
)
_ALL: Final = frozenset({"robots", "*", NAME.lower()})


def hiding_rule(headers: Iterable[str]) -> str:
    """The rule against quoting in `X-Robots-Tag` headers; empty if there is none."""
    return _rule_among(_HIDING, headers)


def nofollow_rule(headers: Iterable[str]) -> str:
    """The rule against following links in `X-Robots-Tag` headers; empty if there is none."""
    return _rule_among(_NOT_FOLLOWED, headers)


def _rule_among(rules: frozenset[str], headers: Iterable[str]) -> str:
    """The first of these rules that applies to this program.

    Within a header, the name of a program and a colon precede the rules for that program.
    """
    for header in headers:
        for_us = True
        for piece in header.lower().split(","):
            name, colon, rest = (part.strip() for part in piece.partition(":"))
            rule = name
            if colon and name not in _VALUED:
                for_us, rule = name in _ALL, rest
            if for_us and rule in rules:
                return rule
    return ""


def hiding_rule_of_tags(tags: Iterable[tuple[str, str]]) -> str:
    """Like `hiding_rule`, but for a page's `<meta>` tags, as (name, content) pairs."""
    return hiding_rule(content for name, content in tags if name.strip().lower() in _ALL)


def nofollow_rule_of_tags(tags: Iterable[tuple[str, str]]) -> str:
    """Like `nofollow_rule`, but for a page's `<meta>` tags, as (name, content) pairs."""
    return nofollow_rule(content for name, content in tags if name.strip().lower() in _ALL)

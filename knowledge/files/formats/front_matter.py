"""Parser of front matter: YAML or TOML at the top of a Markdown text, within limits.

YAML is parsed once, into events. The events are checked against the limits, and the values are then
built from the same events. If a second YAML parser built the values, it could see an alias where
the first parser saw a plain word, because parsers disagree about U+FEFF.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.cyaml import CParser
from yaml.resolver import Resolver

from knowledge.files.parsed_file import UnreadableError

# Without aliases, the values can't be larger than the text.
MAX_MATTER_CHARACTERS: Final = 50_000
MAX_MATTER_DEPTH: Final = 50

_BYTE_ORDER_MARK: Final = "\ufeff"
_ADDRESS: Final = ("http://", "https://")
# Fields by which generators move a page.
_PAGE: Final = ("id", "permalink", "slug", "url")
_SEPARATORS: Final = dict.fromkeys(map(ord, ",;|"), "\n")
# PyYAML's exceptions for a value that doesn't fit its tag (`!!int`).
_IMPOSSIBLE: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The fields of front matter that this program uses.

    If `hidden` isn't empty, the text must not be quoted. `page` has the fields that determine the
    page's address on a documentation site, such as `slug`.
    """

    title: str = ""
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    verified: date | None = None
    link: str = ""
    hidden: str = ""
    page: dict[str, str] = field(default_factory=dict)


# PyYAML composes its loaders in the same way.
class _Builder(Composer, SafeConstructor, Resolver):  # type: ignore[misc]
    """Builds values from checked YAML events."""

    def __init__(self, events: list[yaml.Event]) -> None:
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._events = events[::-1]

    def check_event(self, *kinds: type[yaml.Event]) -> bool:
        return bool(self._events) and (not kinds or isinstance(self._events[-1], kinds))

    def peek_event(self) -> yaml.Event:
        return self._events[-1]

    def get_event(self) -> yaml.Event:
        return self._events.pop()


def parsed_values(block: str) -> Any:
    """The values of a block of YAML; UnreadableError if it isn't YAML, or exceeds the limits."""
    _check_length(block)
    before, mark, _ = block.partition(_BYTE_ORDER_MARK)
    if mark:
        line = before.count("\n") + 1
        raise UnreadableError(
            f"has front matter with a byte-order mark (U+FEFF) in line {line}: take it out."
        )
    try:
        return _Builder(list(_checked_events(block))).get_single_data()
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" in line {place.line + 1}" if place is not None else ""
        problem = getattr(error, "problem", None) or "it can't be parsed"
        raise UnreadableError(f"has front matter that is not YAML{where}: {problem}.") from error
    except _IMPOSSIBLE as error:
        raise UnreadableError(f"has front matter with an impossible value: {error}.") from error


def _check_length(block: str) -> None:
    if len(block) > MAX_MATTER_CHARACTERS:
        raise UnreadableError(
            f"has front matter of {len(block):,} characters; the limit is "
            f"{MAX_MATTER_CHARACTERS:,}."
        )


def _checked_events(block: str) -> Iterator[yaml.Event]:
    """The events of a block; refuses aliases and deep nesting.

    Nested aliases can expand to gigabytes, and each level of nesting is a recursive call.
    """
    parser, depth = CParser(block), 0
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, yaml.AliasEvent):
            raise UnreadableError(
                "has front matter with aliases (`*name`): write their values out."
            )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_MATTER_DEPTH:
            raise UnreadableError("has front matter that is nested too deeply.")
        yield event


def parsed_front_matter(block: str, *, toml: bool = False) -> FrontMatter:
    """Parse front matter in YAML, or in TOML if `toml`.

    Raises UnreadableError if the block is malformed, exceeds the limits, or isn't a mapping.
    """
    if toml:
        _check_length(block)
        try:
            values: Any = tomllib.loads(block)
        except tomllib.TOMLDecodeError as error:
            raise UnreadableError(f"has front matter that is not TOML: {error}.") from error
        except RecursionError as error:
            raise UnreadableError("has front matter that is nested too deeply.") from error
    else:
        values = parsed_values(block)
    if not isinstance(values, dict | None):
        raise UnreadableError("has front matter that is not a list of `key: value`.")
    values = values or {}
    # The original's web address. In a list of `sources` are the pages of others.
    links = (values.get(key) for key in ("link", "url", "source"))
    own = (link for link in links if isinstance(link, str) and link.startswith(_ADDRESS))
    try:
        return FrontMatter(
            # Files of questions and answers often have a `question` instead of a title.
            title=_title(values) or " ".join(_text(values.get("question")).split()),
            aliases=names(values.get("aliases")),
            tags=_tags(values.get("tags")),
            verified=_day(values.get("verified")),
            link=next(own, ""),
            hidden=_text(values.get("hidden") or None),
            page={key: said for key in _PAGE if (said := _text(values.get(key)).strip())},
        )
    except ValueError as error:
        # Python doesn't convert numbers of thousands of digits to text.
        raise UnreadableError(
            "has front matter with an impossible value: a number of too many digits."
        ) from error


def _title(values: dict[Any, Any]) -> str:
    """The outermost `title` in nested mappings. A title in a list is another document's."""
    waiting = [values]
    for found in waiting:
        for key, value in found.items():
            if isinstance(key, str) and key.lower() == "title" and (title := _text(value).strip()):
                return title
        waiting += [value for value in found.values() if isinstance(value, dict)]
    return ""


def _text(value: Any) -> str:
    """A single value as text; empty for a list or a missing value."""
    return str(value) if isinstance(value, str | int | float | date) else ""


def names(value: Any) -> tuple[str, ...]:
    """The names in a list, or in a text with a comma, semicolon, bar or line end between them."""
    if isinstance(value, str):
        value = value.translate(_SEPARATORS).split("\n")
    found = map(_text, value) if isinstance(value, list) else ()
    return tuple(filter(None, (" ".join(name.split()) for name in found)))


def _tags(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return tuple(filter(None, map(_text, value))) if isinstance(value, list) else ()


def _day(value: Any) -> date | None:
    """The date of a date or datetime; None for other values."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None

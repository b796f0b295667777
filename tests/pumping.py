"""Functions that read text, found by themselves, and what each costs as its text grows.

A text is pumped: one piece of it repeated until it is as long as it may be. That is what a pattern
or a loop that looks at everything again takes longest for.
"""

import ast
import dataclasses
import gc
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
import time
import types
import typing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import cache, partial
from itertools import pairwise
from types import ModuleType
from typing import Any, Final

import bot
import indexer
import knowledge

PACKAGES: Final = (bot, indexer, knowledge)

# A text is made longer until it takes so long, or is as long as the longest note.
ENOUGH_NS: Final = 8_000_000
SIZES: Final = (1_000, 3_000, 10_000, 32_000)
# What is quicker than this isn't judged: at so many characters it doesn't matter.
FLOOR_NS: Final = 3_000_000
# Twice the text may take so many times as long; n log n takes 2.1.
GROWTH: Final = 2.3
# What takes longer is judged without a longer text.
LONG_NS: Final = 400_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Reader:
    """A function that reads text, how it is called with one, and whether it looks at it itself."""

    name: str
    module: str
    prepared: Callable[[str], Callable[[], object]]
    looks: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Growth:
    """What was seen of a text that costs more than it should."""

    reader: str
    fragment: str
    characters: int
    milliseconds: tuple[float, ...]


# Measuring.


def growth(reader: Reader, fragment: str) -> Growth | None:
    """What a function's cost does as a text grows, if that is more than `GROWTH`; else None.

    The time is the thread's own on a processor. A suspicion is looked at again with longer texts,
    each several times, so that what else the machine does is not blamed on the function.
    """
    for characters in SIZES:
        longer = _cost(reader, fragment, characters)
        if longer >= ENOUGH_NS:
            break
    if longer < FLOOR_NS or longer <= GROWTH * _cost(reader, fragment, characters // 2):
        return None
    # A pattern with a bound of a thousand characters is linear beyond them.
    while True:
        sizes = (characters // 2, characters, 2 * characters)
        seen = _least(reader, fragment, sizes)
        if not _grows(seen):
            return None
        if characters >= 2 * SIZES[-1] or seen[-1] > LONG_NS:
            # Once more, before a busy machine is taken for a slow function.
            seen = list(map(min, seen, _least(reader, fragment, sizes)))
            milliseconds = tuple(cost / 1e6 for cost in seen)
            found = Growth(reader.name, fragment, sizes[-1], milliseconds)
            return found if _grows(seen) else None
        characters *= 2


def _least(reader: Reader, fragment: str, sizes: Sequence[int]) -> list[int]:
    """The least of several costs for each size, those of all sizes in turn."""
    rounds = [[_cost(reader, fragment, size) for size in sizes] for _ in range(3)]
    return list(map(min, *rounds))


def _grows(costs: Sequence[int]) -> bool:
    return all(longer > GROWTH * shorter for shorter, longer in pairwise(costs))


def pumped(fragment: str, characters: int) -> str:
    """A text of so many characters that is one piece again and again.

    What stands before and behind `…` in the piece is there once, what stands behind `¦` in the
    second half of the text.
    """
    before, repeated, behind = _parts(fragment)
    halves = repeated.split("¦")
    each = max(characters // len(halves), 1)
    return before + "".join((half * (each // len(half) + 1))[:each] for half in halves) + behind


def _parts(fragment: str) -> tuple[str, str, str]:
    parts = fragment.split("⟨")
    if len(parts) == 1:
        return "", fragment, ""
    repeated, _, behind = parts[1].partition("⟩")
    return parts[0], repeated, behind


def _cost(reader: Reader, fragment: str, characters: int) -> int:
    read = reader.prepared(pumped(fragment, characters))
    for clear in _caches():
        clear()
    enabled = gc.isenabled()
    gc.disable()
    watch.reader = reader.name
    begun = time.thread_time_ns()
    try:
        found = read()
        if isinstance(found, Iterator):
            deque(found, maxlen=0)
    except Exception:  # noqa: BLE001, S110 - what can't be read is refused, in time as well
        pass
    finally:
        taken = time.thread_time_ns() - begun
        watch.reader = ""
        if enabled:
            gc.enable()
    return taken


class _Watch:
    """Keeps what reads text from doing anything else, and notes who tried."""

    _REFUSED: Final = (
        "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.", "socket.connect",
        "socket.getaddrinfo", "subprocess.", "sqlite3.connect",
    )  # fmt: skip

    def __init__(self) -> None:
        self.reader = ""
        self.outside: dict[str, str] = {}
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[1], str) and arguments[1][:1] != "r"
        if self.reader and (writes or event.startswith(self._REFUSED)):
            self.outside[self.reader] = event
            raise PermissionError(f"{self.reader}: {event} {arguments}")


watch = _Watch()


@cache
def _caches() -> tuple[Callable[[], None], ...]:
    """What forgets the results of functions of texts; lists that come with the program stay."""
    found = []
    for module in modules():
        for value in list(vars(module).values()):
            wrapped = getattr(value, "__wrapped__", None)
            if not hasattr(value, "cache_clear") or not inspect.isfunction(wrapped):
                continue
            if set(inspect.signature(wrapped).parameters) - {"language", "table", "digest", "name"}:
                found.append(value.cache_clear)
    return tuple(dict.fromkeys(found))


# Finding functions.


@cache
def modules() -> tuple[ModuleType, ...]:
    return tuple(
        importlib.import_module(found.name)
        for package in PACKAGES
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
        if not found.name.endswith("__main__")
    )


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function and method of the three packages, by its whole name; none that is awaited."""
    for module in modules():
        for name, value in list(vars(module).items()):
            if inspect.isclass(value) and value.__module__ == module.__name__:
                for method in vars(value).values():
                    inner = getattr(method, "__func__", getattr(method, "fget", method))
                    if _is_of(module, inner):
                        yield f"{module.__name__}.{inner.__qualname__}", inner
            elif _is_of(module, value):
                yield f"{module.__name__}.{name}", value


def _is_of(module: ModuleType, value: object) -> bool:
    function = inspect.unwrap(value) if callable(value) else None
    if not inspect.isfunction(function) or function.__code__.co_filename != module.__file__:
        return False
    return not (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function))


def takes_text(function: Callable[..., Any]) -> bool:
    """Whether a parameter is a text, or a value that has one which the function looks at itself."""
    hints = _hints(function).values()
    return any(map(_is_text, hints)) or (any(map(_has_text, hints)) and reads(function))


def reader_of(name: str, function: Callable[..., Any]) -> Reader | None:
    """How a function is called with nothing but a text; None if it takes what we can't make."""
    hints = _hints(function)
    parameters = inspect.signature(function).parameters.values()
    made = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty or _has_text(hints.get(parameter.name))
    ]
    if not all(_can_make(hints.get(parameter.name)) for parameter in made):
        return None

    def prepared(text: str) -> Callable[[], object]:
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for parameter in made:
            value = _made(hints[parameter.name], parameter.name, text)
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional += [value]
            elif parameter.kind is parameter.KEYWORD_ONLY or named:
                named[parameter.name] = value
            elif parameter.default is parameter.empty:
                positional.append(value)
            else:
                named[parameter.name] = value
        return partial(function, *positional, **named)

    return Reader(name, inspect.unwrap(function).__module__, prepared, reads(function))


def reads(function: Callable[..., Any]) -> bool:
    """Whether a function looks at text itself: with a pattern, or in a loop."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    loops = any(
        isinstance(node, ast.For | ast.While | ast.comprehension) for node in ast.walk(tree)
    )
    return bool(called & _PATTERN_METHODS) or (loops and bool(called & _TEXT_METHODS))


_PATTERN_METHODS: Final = {"sub", "subn", "finditer", "findall", "fullmatch", "match", "search"}
_TEXT_METHODS: Final = {
    "split", "rsplit", "splitlines", "partition", "rpartition", "find", "rfind", "index", "count",
    "replace", "strip", "lstrip", "rstrip", "startswith", "endswith", "translate", "lower",
    "casefold", "isalpha", "isalnum", "isdigit",
}  # fmt: skip


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    function = inspect.unwrap(function)
    try:
        hints = typing.get_type_hints(function)
    except NameError:
        # It is of what is imported for its types alone.
        return {}
    hints.pop("return", None)
    if "self" in inspect.signature(function).parameters:
        hints["self"] = _class_of(function)
    return hints


def _class_of(function: Callable[..., Any]) -> Any:
    module = importlib.import_module(function.__module__)
    return getattr(module, function.__qualname__.partition(".")[0], None)


# Making arguments.

_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PIECE: Final = 40
_VALUES: Final = 20
_BEGINNINGS: Final = {
    "start",
    "first",
    "position",
    "place",
    "offset",
    "at",
    "unit",
    "low",
    "chosen",
}
_ENDS: Final = {"end", "last", "stop", "high"}


def _is_text(hint: Any) -> bool:
    return hint in (str, bytes) or any(map(_is_text, typing.get_args(hint)))


def _has_text(hint: Any) -> bool:
    if hint in (str, bytes):
        return True
    if dataclasses.is_dataclass(hint):
        return any(field in (str, "str") for field in (f.type for f in dataclasses.fields(hint)))
    return any(map(_has_text, typing.get_args(hint)))


def _can_make(hint: Any) -> bool:
    try:
        _made(hint, "", "a b")
    except _CanNotMakeError:
        return False
    return True


class _CanNotMakeError(Exception):
    pass


def _made(hint: Any, name: str, text: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (str, bytes):
        return text if hint is str else text.encode(errors="replace")
    if hint in (int, float, bool, datetime):
        return _plain(hint, name, text)
    if origin in (typing.Union, types.UnionType):
        return _first_made(arguments, name, text)
    if origin is typing.Literal:
        return arguments[0]
    if origin is tuple:
        return _made_tuple(arguments, name, text)
    if origin is not None and inspect.isclass(origin):
        return _made_collection(origin, arguments, name, text)
    if inspect.isclass(hint) and issubclass(hint, Enum):
        return next(iter(hint))
    if inspect.isclass(hint) and dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        given = [field.name for field in dataclasses.fields(hint) if _is_given(field, hints)]
        return hint(**{field: _made(hints[field], field, text) for field in given})
    if isinstance(hint, typing.NewType):
        return _made(hint.__supertype__, name, text)
    raise _CanNotMakeError(hint)


def _is_given(field: dataclasses.Field[Any], hints: dict[str, Any]) -> bool:
    """Whether a field is given a value: it needs one, or is a text."""
    needed = field.default is field.default_factory is dataclasses.MISSING
    return field.init and (needed or hints[field.name] is str)


def _plain(hint: Any, name: str, text: str) -> Any:
    if hint is datetime:
        return _AT
    if hint is bool:
        return False
    if hint is float:
        return 0.5
    return 0 if name in _BEGINNINGS else len(text) if name in _ENDS else 2_000


def _first_made(hints: tuple[Any, ...], name: str, text: str) -> Any:
    """One of several kinds: a text if it may be one."""
    for hint in sorted(hints, key=lambda hint: not _has_text(hint)):
        if hint is type(None):
            return None
        try:
            return _made(hint, name, text)
        except _CanNotMakeError:
            continue
    raise _CanNotMakeError(hints)


def _made_tuple(hints: tuple[Any, ...], name: str, text: str) -> tuple[Any, ...]:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_made_collection(list, hints[:1], name, text))
    return tuple(_made(hint, name, text) for hint in hints)


def _made_collection(origin: Any, hints: tuple[Any, ...], name: str, text: str) -> Any:
    if issubclass(origin, Callable):  # type: ignore[arg-type]
        return _made_callable(hints)
    if issubclass(origin, Mapping):
        return {_made(hints[0], name, text): _made(hints[1], name, text)}
    if not hints:
        raise _CanNotMakeError(origin)
    if hints[0] is str or hints[0] is bytes:
        items = [_made(hints[0], name, piece) for piece in pieces(text)]
    elif typing.get_origin(hints[0]) is tuple and set(typing.get_args(hints[0])) == {int}:
        places = range(0, len(text), _PIECE)
        items = [(place, min(place + _PIECE, len(text))) for place in places]
    elif hints[0] in (int, float):
        items = [_made(hints[0], name, text)] * len(pieces(text))
    else:
        # Of larger values a few, as long together as the text.
        each = -(-len(text) // _VALUES) or 1
        parts = [text[place : place + each] for place in range(0, len(text), each)]
        items = [_made(hints[0], name, part) for part in parts]
    kind = next((kind for kind in (set, frozenset, list) if issubclass(origin, kind)), None)
    if kind is None:
        kind = frozenset if issubclass(origin, typing.AbstractSet) else list
    return iter(items) if origin.__name__ == "Iterator" else kind(items)


def _made_callable(hints: tuple[Any, ...]) -> Callable[..., Any]:
    returned = hints[-1] if hints else type(None)
    if returned is int:
        return len
    if returned is str:
        return lambda text, *_: text
    if returned is bool:
        return lambda *_: False
    if returned in (type(None), object):
        return lambda *_: None
    raise _CanNotMakeError(returned)


def pieces(text: str) -> list[str]:
    """A text as lines, or where it has none, in pieces as long as one."""
    lines = text.splitlines(keepends=True)
    if len(lines) > 1:
        return lines
    return [text[place : place + _PIECE] for place in range(0, len(text), _PIECE)]


# Pieces that are repeated.

# What a pattern may have at most so often is no pump.
_OFTEN: Final = 30


def own_fragments(patterns: tuple[re.Pattern[str], ...]) -> list[str]:
    """What our own patterns look for: each whole, its halves, and what may repeat in it."""
    found = []
    for pattern in patterns:
        example, pumps = example_of(pattern)
        middle = len(example) // 2
        found += [example, example[:middle], example[middle:], *pumps]
    return list(dict.fromkeys(filter(None, found)))


def patterns_of(module: ModuleType) -> tuple[re.Pattern[str], ...]:
    return tuple(
        value
        for value in vars(module).values()
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str)
    )


def example_of(pattern: re.Pattern[str]) -> tuple[str, list[str]]:  # noqa: C901 - a list of kinds
    """A text that a pattern is likely to match, and fragments that repeat a part of it.

    Of alternatives, the first is taken. Each part that may be there without end is repeated behind
    what the pattern has before it.
    """
    from re import _constants as constants, _parser as parser  # noqa: I001

    pumps: list[str] = []

    def of(tree: Any, before: str) -> str:
        made = ""
        for operator, value in tree:
            made += of_one(operator, value, before + made)
        return made

    def of_one(operator: Any, value: Any, before: str) -> str:
        if operator is constants.LITERAL:
            return chr(value)
        if operator is constants.NOT_LITERAL:
            return "a" if value != ord("a") else "b"
        if operator is constants.ANY:
            return "a"
        if operator is constants.IN:
            return _one_of(value, constants)
        if operator is constants.BRANCH:
            branches = [of(branch, before) for branch in value[1]]
            return branches[0]
        if operator is constants.SUBPATTERN:
            return of(value[3], before)
        if operator is constants.ATOMIC_GROUP:
            return of(value, before)
        if operator in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            least, most, repeated = value
            one = of(repeated, before)
            if most > _OFTEN and one:
                pumps.append(f"{before[-_PIECE:]}⟨{one}⟩")
            return str(one * max(least, 1))
        return ""

    example = of(parser.parse(pattern.pattern, pattern.flags), "")
    return example[: 2 * _PIECE], pumps


def _one_of(items: Any, constants: Any) -> str:
    if items[0][0] is constants.NEGATE:
        refused = {chr(value) for operator, value in items if operator is constants.LITERAL}
        return next(sign for sign in "a b-;" if sign not in refused)
    operator, value = items[0]
    if operator is constants.LITERAL:
        return chr(value)
    if operator is constants.RANGE:
        return chr(value[0])
    kinds: dict[Any, str] = {constants.CATEGORY_DIGIT: "1", constants.CATEGORY_SPACE: " "}
    return kinds.get(value, "a")

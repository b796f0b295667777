"""Functions that read text, found by themselves, and how each is called with a text."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import textwrap
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache, partial
from types import ModuleType
from typing import Any, Final

import bot
import indexer
import knowledge

PACKAGES: Final = (bot, indexer, knowledge)


@dataclasses.dataclass(frozen=True, slots=True)
class Reader:
    """A function that reads text, how it is called with one, and whether it looks at it itself."""

    name: str
    prepared: Callable[[str], Callable[[], object]]
    looks: bool


# Finding functions.


@cache
def module_names() -> tuple[str, ...]:
    """Every module of the three packages; none is imported for it."""
    return tuple(
        found.name
        for package in PACKAGES
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
        if not found.name.endswith("__main__")
    )


@cache
def modules() -> tuple[ModuleType, ...]:
    return tuple(map(importlib.import_module, module_names()))


def functions(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function and method of a module, by its whole name; none that is awaited."""
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

    return Reader(name, prepared, reads(function))


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
        given = {field: _made(kind, field, text) for field, kind in _given(hint).items()}
        return hint(**given)
    if isinstance(hint, typing.NewType):
        return _made(hint.__supertype__, name, text)
    raise _CanNotMakeError(hint)


@cache
def _given(record: Any) -> dict[str, Any]:
    """The kinds of the fields that are given a value: each that needs one, or is a text."""
    hints = typing.get_type_hints(record)

    def is_given(field: dataclasses.Field[Any]) -> bool:
        needed = field.default is field.default_factory is dataclasses.MISSING
        return field.init and (needed or hints[field.name] is str)

    return {one.name: hints[one.name] for one in dataclasses.fields(record) if is_given(one)}


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
    if hints[0] is str:
        items: list[Any] = pieces(text)
    elif hints[0] is bytes:
        items = [piece.encode(errors="replace") for piece in pieces(text)]
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

"""Every regular expression of the program is linear in the text, whatever that text is.

Patterns are found in the modules, `tests/pattern_cost.py` analyses them; none is exempt.
"""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest
import regex

import bot
import indexer
import knowledge
from knowledge.languages.vocabularies import EVERYWHERE, tables
from tests.pattern_cost import steps

_METHODS: Final = {
    "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn", "compile",
}  # fmt: skip
_ENGINES: Final = {"re", "regex"}
_STARTS_ONCE: Final = {"match", "fullmatch"}
# What a pattern of one module may be looked for in: values of values.
_DEPTH: Final = 5


class UnknownPatternError(Exception):
    """A pattern that depends on values known only when the program runs."""


class Use(NamedTuple):
    """A pattern as it is used at a place; `engine` is `re` or `regex`."""

    pattern: str | bytes
    flags: int
    method: str
    engine: str
    place: str


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the three packages, imported."""
    return tuple(
        importlib.import_module(found.name)
        for package in (bot, indexer, knowledge)
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
        if not found.name.endswith("__main__")
    )


@cache
def uses() -> tuple[Use, ...]:
    """Every pattern of bot, indexer and knowledge, once for each kind of use."""
    return tuple(dict.fromkeys(use for module in modules() for use in uses_in(module)))


@cache
def _tree(module: ModuleType) -> ast.Module:
    """The syntax tree of a module, whose nodes know the node around them."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.around = node  # type: ignore[attr-defined]
    return tree


def _around(node: ast.AST) -> Iterator[ast.AST]:
    while hasattr(node, "around"):
        node = node.around
        yield node


def uses_in(module: ModuleType) -> Iterator[Use]:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            _check_import(module, node)
        if not (isinstance(node, ast.Attribute) and ast.unparse(node.value) in _ENGINES):
            continue
        place = f"{module.__name__}:{node.lineno}"
        call = next(_around(node))
        if node.attr in _METHODS:
            if not (isinstance(call, ast.Call) and call.func is node):
                raise UnknownPatternError(f"{place}: {ast.unparse(node)} isn't called")
            for pattern, key in _patterns_at(module, call):
                for method in _methods(module, node.attr, pattern, key):
                    engine = type(pattern).__module__.partition(".")[0].lstrip("_")
                    yield Use(pattern.pattern, pattern.flags, method, engine, place)


def _check_import(module: ModuleType, node: ast.Import | ast.ImportFrom) -> None:
    """Refuse other names for the engines, by which a pattern would not be found."""
    named = [node.module] if isinstance(node, ast.ImportFrom) else []
    named += [alias.name for alias in node.names if alias.asname]
    if not _ENGINES.isdisjoint(named):
        raise UnknownPatternError(f"{module.__name__}: {ast.unparse(node)}")


def _patterns_at(module: ModuleType, call: ast.Call) -> list[tuple[Any, str]]:
    """The patterns of a call, each with its key if it is kept in a mapping."""
    flags = [value.value for value in call.keywords if value.arg == "flags"]
    if call.func.attr == "compile":  # type: ignore[attr-defined]
        flags += call.args[1:]
    engine = vars(module)[call.func.value.id]  # type: ignore[attr-defined]
    try:
        text = _value(module, call.args[0])
        return [(engine.compile(text, *(_value(module, flag) for flag in flags)), "")]
    except NameError:
        pass
    found = [pattern for value in _values_at(module, call) for pattern in _patterns_in(value)]
    if not found:
        raise UnknownPatternError(f"{module.__name__}:{call.lineno}")
    return found


def _values_at(module: ModuleType, call: ast.Call) -> Iterator[Any]:
    """The values that hold the pattern of a call whose arguments its module doesn't know.

    These are the values of all calls of the function around it, or else of the name assigned to.
    """
    around = list(_around(call))
    function = next((node for node in around if isinstance(node, ast.FunctionDef)), None)
    if function is not None:
        owner = function.name
        if owner == "__init__":
            owner = next(node.name for node in around if isinstance(node, ast.ClassDef))
        names = [argument.arg for argument in function.args.args if argument.arg != "self"]
        if "languages" in names:
            yield from _values_in_all_languages(vars(module)[owner], names)
            return
        for caller, outer in _calls(module, owner):
            try:
                yield _value(caller, outer)
            except NameError:
                yield from _values_at(caller, outer)
        return
    for node in around:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (vars(module).get(getattr(target, "id", "")) for target in targets)


def _values_in_all_languages(make: Callable[..., Any], names: list[str]) -> Iterator[Any]:
    """What a function makes of the vocabularies for texts of each language, and of each key."""
    sections = [part for table in tables().values() for part in table.values()]
    keys = {key for section in sections if isinstance(section, dict) for key in section}
    for key in sorted(keys) if names[0] != "languages" else [""]:
        for language in tables():
            languages = tuple(dict.fromkeys((*EVERYWHERE, language)))
            yield make(*[key] * (len(names) - 1), languages)


def _calls(module: ModuleType, name: str) -> Iterator[tuple[ModuleType, ast.Call]]:
    for caller in [module] if name.startswith("_") else modules():
        for node in ast.walk(_tree(caller)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                yield caller, node


class _Escaped(ast.NodeTransformer):
    """Texts that are escaped are as good as any letter."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if ast.unparse(node.func) == "re.escape":
            return ast.copy_location(ast.Constant("x"), node)
        if ast.unparse(node).startswith("map(re.escape, "):
            return ast.copy_location(ast.List([ast.Constant("x")], ast.Load()), node)
        return self.generic_visit(node)


def _value(module: ModuleType, node: ast.expr) -> Any:
    """What an expression is in its module, outside of any function."""
    tree = ast.parse(ast.unparse(node), mode="eval")
    whole = ast.fix_missing_locations(_Escaped().visit(tree))
    return eval(compile(whole, module.__name__, "eval"), vars(module))  # noqa: S307 - our own code


def _patterns_in(value: Any, key: str = "", depth: int = _DEPTH) -> Iterator[tuple[Any, str]]:
    if isinstance(value, re.Pattern | regex.Pattern):
        yield value, key
    elif depth and isinstance(value, dict):
        for name, inner in value.items():
            yield from _patterns_in(inner, str(name), depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _patterns_in(inner, key, depth - 1)
    elif depth and hasattr(value, "__dict__") and not isinstance(value, type | ModuleType):
        yield from _patterns_in(vars(value), "", depth - 1)


# How a pattern is used.


def _methods(module: ModuleType, called: str, pattern: Any, key: str) -> set[str]:
    """The methods that a pattern is used by.

    It is `search` where neither the pattern's name nor its key in a mapping stands before one.
    """
    if called != "compile":
        return {called}
    names = [name for name, value in vars(module).items() if value == pattern]
    names += [f"[{key!r}]"] if key else []
    found = {method for name in names for method in _methods_of(module.__name__, name)}
    return found or {"search"}


def _methods_of(module: str, name: str) -> Iterator[str]:
    mentions = _mentions()
    named = [(module, name), ("", name), *_imports()[module, name]]
    for attribute, call in (mention for key in named for mention in mentions[key]):
        if attribute not in ("pattern", "flags"):
            starts_once = call is not None and attribute in _STARTS_ONCE and len(call.args) == 1
            yield attribute if starts_once else "search"


def _note_keys(module: ModuleType, node: ast.Subscript, found: dict[Any, list[Any]]) -> None:
    """An index that isn't constant may be any text of its statement, looked for anywhere."""
    statement = next(outer for outer in _around(node) if isinstance(outer, ast.stmt))
    for inner in ast.walk(statement):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            found[module.__name__, f"[{inner.value!r}]"].append(("", None))


@cache
def _imports() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Where a module's name is imported, and as what."""
    found = defaultdict(list)
    for module in modules():
        for node in ast.walk(_tree(module)):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    here = (module.__name__, alias.asname or alias.name)
                    found[node.module or "", alias.name].append(here)
    return found


@cache
def _mentions() -> dict[tuple[str, str], list[tuple[str, ast.Call | None]]]:
    """For each name that a module reads, the attribute asked of it, and its call.

    A name asked of another value is kept without a module.
    """
    found: dict[tuple[str, str], list[tuple[str, ast.Call | None]]] = defaultdict(list)
    for module in modules():
        for node in ast.walk(_tree(module)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                key = (module.__name__, node.id)
            elif isinstance(node, ast.Attribute):
                key = ("", node.attr)
            elif isinstance(node, ast.Subscript):
                key = (module.__name__, f"[{ast.unparse(node.slice)}]")
                if not isinstance(node.slice, ast.Constant | ast.Slice | ast.UnaryOp):
                    _note_keys(module, node, found)
            else:
                continue
            outer, further = islice(_around(node), 2)
            if isinstance(outer, ast.Attribute):
                call = further if isinstance(further, ast.Call) and further.func is outer else None
                found[key].append((outer.attr, call))
            else:
                found[key].append(("", None))
    return found


# The most tries of a pattern for each character of a text. A million characters of the worst text
# then take seconds; one that grew with the text would take hours.
MOST_STEPS: Final = 700


def test_every_pattern_is_linear_on_every_text() -> None:
    cost = {use: steps(use.pattern, use.flags, use.method) for use in uses() if use.engine == "re"}
    assert {use: tries for use, tries in cost.items() if tries > MOST_STEPS} == {}


def test_patterns_of_the_other_engine_repeat_nothing() -> None:
    """The analysis reads Python's syntax; `regex` is used for graphemes and backwards only."""
    others = [use for use in uses() if use.engine == "regex"]
    assert others
    assert [use for use in others if set("*+{") & set(str(use.pattern))] == []


def test_patterns_are_found_wherever_they_are_made() -> None:
    """Constants, calls in functions, patterns from rules in files, and those of a library."""
    found: dict[str, list[Use]] = defaultdict(list)
    for use in uses():
        found[use.place.partition(":")[0]].append(use)
    assert {use.method for use in found["bot.ask.question_rules"]} == {"match", "search"}
    assert len(found["knowledge.sources.kinds.threads"]) > 10
    assert any("xox" in str(use.pattern) for use in found["knowledge.secrets"])
    assert any(use.method == "sub" for use in found["knowledge.chat.export_file"])


@pytest.mark.parametrize(
    "source",
    [
        "from re import search",
        "import re as patterns",
        "import re\nfind = re.search",
        "import re\n\ndef find_it_there(what, where):\n    return re.search(what, where)",
    ],
)
def test_patterns_that_nobody_can_know_are_refused(source: str, tmp_path: Path) -> None:
    (tmp_path / "hidden.py").write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("hidden", tmp_path / "hidden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(UnknownPatternError):
        list(uses_in(module))

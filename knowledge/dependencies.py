"""Check of private names: what a library doesn't promise is looked for when it is first used.

A module that uses an undocumented part of a library names it in `USED`, as `module:attribute`, and
calls `require` with that. So a release that lacks the part is refused by its name, instead of
failing somewhere later.
"""

from collections.abc import Iterable
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Any


def missing(names: Iterable[str]) -> list[str]:
    """Those names, as `module:attribute`, that are not there."""
    return [name for name in names if not _is_there(name)]


def _is_there(name: str) -> bool:
    module, _, path = name.partition(":")
    outer, _, last = path.rpartition(".")
    try:
        owner: Any = resolve_name(f"{module}:{outer}" if outer else module)
    except (ImportError, AttributeError):
        return False
    return hasattr(owner, last) or any(
        last in getattr(cls, "__annotations__", {}) or last in _names_of_init(cls)
        for cls in getattr(owner, "__mro__", (owner,))
    )


def _names_of_init(cls: object) -> tuple[str, ...]:
    """Names in the body of `__init__`: attributes that only instances have are set there."""
    code = getattr(vars(cls).get("__init__"), "__code__", None)
    return code.co_names if code else ()


def require(library: str, names: Iterable[str]) -> None:
    """Refuse a release of a library that lacks one of these names.

    Raises:
        ImportError: with what is missing and what to do.
    """
    if lacking := missing(names):
        raise ImportError(
            f"{library} {version(library)} lacks {', '.join(lacking)}, which Commonplace needs: "
            "install the version that was tested with it."
        )


def needed(extra: str) -> str:
    """What to install for an extra, as the rest of a sentence that begins with what needs it."""
    return (
        f"the extra `{extra}`: run `.venv/bin/pip install -e '.[{extra}]'` in the checkout, or "
        f"build the image with EXTRAS={extra}"
    )

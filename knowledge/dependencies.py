"""Dependencies: names in libraries, hints for extras, own version, environment of child processes.

A module that uses private names of a library lists them in `USED`, as `module:attribute`, and calls
`require`. If the installed release lacks a name, the import fails at once with a clear message.
"""

import os
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any, Final


def missing(names: Iterable[str]) -> list[str]:
    """Return every name, given as `module:attribute`, that doesn't exist."""
    return [name for name in names if not _is_there(name)]


def _is_there(name: str) -> bool:
    module, _, path = name.partition(":")
    outer, _, last = path.rpartition(".")
    try:
        owner: Any = resolve_name(f"{module}:{outer}" if outer else module)
    except (ImportError, AttributeError):
        return False
    if hasattr(owner, last):
        return True
    for cls in getattr(owner, "__mro__", (owner,)):
        # The names used in `__init__`, such as the attributes of instances.
        code = getattr(vars(cls).get("__init__"), "__code__", None)
        if last in getattr(cls, "__annotations__", {}) or (code and last in code.co_names):
            return True
    return False


def require(library: str, names: Iterable[str]) -> None:
    """Refuse a release of a library without these names.

    Raises ImportError if names are missing; the message names the remedy.
    """
    if lacking := missing(names):
        raise ImportError(
            f"{library} {version(library)} lacks {', '.join(lacking)}, which Commonplace needs: "
            "install the version that was tested with it."
        )


def has_modules(*modules: str) -> bool:
    """Whether all these modules can be found. None is imported."""
    return all(find_spec(module) is not None for module in modules)


def install_hint(extra: str) -> str:
    """The hint for installing an extra, as the end of a sentence."""
    return (
        f"the extra `{extra}`: run `make install EXTRAS={extra}` in a checkout or "
        f'`pip install "commonplace-bot[{extra}]"` elsewhere, or build the image with '
        f"EXTRAS={extra}"
    )


def own_version() -> str:
    """The installed version of this program, or "(not installed)"."""
    try:
        return version("commonplace-bot")
    except PackageNotFoundError:
        return "(not installed)"


# A child process gets the variables that its starter names, and no others. So a new secret in the
# bot's environment reaches no child process. An ordinary command needs these: where programs, its
# user's files and temporary files are, and the language.
COMMAND: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TEMP", "TMP"),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TZ"),
)
# Windows can't start a program without it.
_ALWAYS: Final = ("SYSTEMROOT",) if os.name == "nt" else ()


def environment(*names: str) -> dict[str, str]:
    """The variables with these names, as far as they are set."""
    return {name: os.environ[name] for name in (*_ALWAYS, *names) if name in os.environ}

"""Version of the installed program."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """The installed version, or "(not installed)"."""
    try:
        return version("commonplace-bot")
    except PackageNotFoundError:
        return "(not installed)"

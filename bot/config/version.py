"""Version of the program, as it is installed."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """The installed version, or what a checkout that is not installed calls itself."""
    try:
        return version("commonplace-bot")
    except PackageNotFoundError:
        return "(not installed)"

"""Sources that the index reads by itself: files and folders, and channels of Discord.

Nothing of them is in the entry store: a scan finds changed files, and an archive has the messages.
"""

from typing import ClassVar

from knowledge.sources.source import Source


class Folder(Source):
    """A file or a folder on this machine, by its absolute path."""

    unit: ClassVar[str] = "file"
    is_visited = False

    def __init__(self, location: str) -> None:
        super().__init__(location)
        # A path may have a `#`.
        self.url, self.options = location, ""

    @property
    def path(self) -> str:
        return self.url


class Channel(Source):
    """A synced channel of Discord, by its id."""

    unit: ClassVar[str] = "message"
    is_visited = False

    @property
    def host(self) -> str:
        return self.url

    @staticmethod
    def at(channel_id: int) -> str:
        """The location of a channel."""
        return f"channel:{channel_id}"

    @staticmethod
    def id_of(location: str) -> int | None:
        """The id of the channel at a location; None for other sources."""
        number = location.removeprefix("channel:")
        return int(number) if location != number and number.isdecimal() else None

"""Publisher that updates public pages within a minute of a change.

Changes often come together, so a page is published as soon as a round finds no further change. A
thread writes each page from its own snapshot of the database. Only the leader publishes.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bot.config.settings import Settings
from bot.core.core import ROUND_ERRORS, Core
from bot.core.worker import run_in_thread
from bot.interactions.features import Feature, Round
from bot.interactions.kit.errors import UNREACHED
from bot.interactions.services import Services
from bot.storage.data_folder import data_folder, open_store
from bot.text.languages import translations
from knowledge.dependencies import COMMAND, environment
from knowledge.files.pictures import checked_picture
from knowledge.page.site import PublishError
from knowledge.store.database import StoreError
from knowledge.values.notes import Picture
from knowledge.values.submissions import InvalidNoteError

ROUND_SECONDS: Final = 10
# Longest wait while changes go on.
_LONGEST_SECONDS: Final = 25
# After a failure, and between attempts of the hook.
_RETRY_SECONDS: Final = 60
_ICON_PIXELS: Final = 128
_SHOWN_CHARACTERS: Final = 300

_logger = logging.getLogger(__name__)

_Version = tuple[Any, ...]


class PagePublisher:
    """Updates the pages in the configured folder after notes change."""

    def __init__(self, bot: Services, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a record of published pages; `clock` returns seconds."""
        self._bot = bot
        self._clock = clock
        self._published: dict[int, _Version] = {}
        # Versions seen in the last round, and the times since which pages are outdated.
        self._seen: dict[int, _Version] = {}
        self._changed: dict[int, float] = {}
        self._not_before: dict[int, float] = {}
        # The hook of the last process may not have run.
        self._hook_due = True
        self._hook_not_before = 0.0

    async def round(self) -> None:
        """Publish pages that have stopped changing, delete obsolete pages, then run the hook."""
        if not self._bot.settings.page.folder:
            return
        try:
            contents = await self._bot.worker.call(_versions)
        except ROUND_ERRORS as error:
            _logger.warning("The public pages wait for the next round: %s", error)
            return
        # Question counts are refreshed daily.
        today = datetime.now(UTC).date()
        versions = {guild_id: (*version, today) for guild_id, version in contents.items()}
        for guild_id, version in versions.items():
            if self._is_due(guild_id, version):
                await self._publish(guild_id, version)
        self._seen = versions
        await self._delete_obsolete(versions.keys())
        await self._run_hook()

    def _is_due(self, guild_id: int, version: _Version) -> bool:
        now = self._clock()
        if self._published.get(guild_id) == version or now < self._not_before.get(guild_id, 0):
            return False
        rests = self._seen.get(guild_id) == version or guild_id not in self._published
        waited = now - self._changed.setdefault(guild_id, now)
        return rests or waited >= _LONGEST_SECONDS

    @property
    def _folder(self) -> Path:
        return Path(self._bot.settings.page.folder).expanduser().absolute()

    async def _publish(self, guild_id: int, version: _Version) -> None:
        try:
            guild = self._bot.get_guild(guild_id) or await self._bot.fetch_guild(guild_id)
            if guild.unavailable or not guild.name:
                return
            shown = guild.name, await _icon(guild), guild.vanity_url or ""
            written, removed = await run_in_thread(
                _write, self._bot.settings, self._folder, guild_id, *shown
            )
        except (PublishError, StoreError, *UNREACHED) as error:
            _logger.error("The page of server %d could not be published: %s", guild_id, error)
            self._not_before[guild_id] = self._clock() + _RETRY_SECONDS
            return
        self._published[guild_id] = version
        self._changed.pop(guild_id, None)
        if written or removed:
            self._hook_due = True
            _logger.info(
                "The page of server %d: %d files written, %d gone.", guild_id, written, removed
            )

    async def _delete_obsolete(self, kept: Collection[int]) -> None:
        """Delete the pages of all servers except those `kept`."""
        try:
            gone = await run_in_thread(_delete_obsolete, self._folder, kept)
        except (OSError, PublishError) as error:
            _logger.error("An obsolete page could not be deleted: %s", error)
            return
        for guild_id in gone:
            self._published.pop(guild_id, None)
            self._hook_due = True
            _logger.info("The page of server %d is gone.", guild_id)

    async def _run_hook(self) -> None:
        """Run the operator's command if pages changed since its last success."""
        command, now = self._bot.settings.page.after, self._clock()
        if not command or not self._hook_due or now < self._hook_not_before:
            return
        problem = await run_hook(command, self._bot.settings.page.after_seconds)
        self._hook_due = bool(problem)
        if problem:
            self._hook_not_before = self._clock() + _RETRY_SECONDS
            _logger.error("`page.after` failed and will be retried: %s", problem)


def _versions(core: Core) -> dict[int, _Version]:
    """Return a version of each public page, by guild id; new content changes the version."""
    notes = core.store.public_notes
    return {guild_id: notes.version(guild_id) for guild_id in notes.guilds()}


def _write(
    settings: Settings, folder: Path, guild_id: int, name: str, icon: Picture | None, invite: str
) -> tuple[int, int]:
    """Write a page from a new snapshot; return the numbers of files written and deleted."""
    # Optional dependencies, installed only for publishing.
    from knowledge.page.content import add_articles, site_of_guild
    from knowledge.page.publish import publish

    chosen = settings.page
    with closing(open_store(data_folder(settings.data.folder), settings.data.database)) as store:
        base_url = chosen.url_of(guild_id)
        site = site_of_guild(store, guild_id, name, icon=icon, invite=invite, base_url=base_url)
        if chosen.articles:
            site = add_articles(site)

        def picture(digest: str) -> bytes:
            stored = store.pictures.by_digest(digest)
            if stored is None:
                raise PublishError("A picture was deleted meanwhile.")
            return stored.content

        templates = Path(chosen.templates).expanduser() if chosen.templates else None
        place = folder / str(guild_id)
        done = publish(site, place, translations(site.language), picture, templates)
        return done.written, done.removed


def _delete_obsolete(folder: Path, kept: Collection[int]) -> list[int]:
    """Delete a folder's pages except those `kept`; returns the guild ids of deleted pages."""
    from knowledge.page.publish import site_names, unpublish

    gone = sorted({int(name) for name in site_names(folder) if name.isdecimal()} - {*kept})
    for guild_id in gone:
        unpublish(folder / str(guild_id))
    return gone


def publication(bot: Services) -> Feature:
    """The rounds of the publisher, if the settings name a folder for the pages."""
    rounds = [Round(ROUND_SECONDS, PagePublisher(bot).round, by_leader=True)]
    return Feature(rounds=rounds if bot.settings.page.folder else ())


async def _icon(guild: Any) -> Picture | None:
    """Fetch the server's icon, small and without metadata; None if that fails or there is none."""
    if guild.icon is None:
        return None
    with suppress(InvalidNoteError, *UNREACHED):
        asset = guild.icon.replace(size=_ICON_PIXELS, static_format="png", format="png")
        return checked_picture("icon.png", await asset.read())
    return None


async def run_hook(command: list[str], seconds: float) -> str:
    """Run a command without a shell, with the variables of `COMMAND`; return a failure's reason."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=environment(*COMMAND),
        )
    except OSError as error:
        return f"{command[0]} can't be run: {error.strerror}."
    try:
        async with asyncio.timeout(seconds):
            _, stderr = await process.communicate()
    except TimeoutError:
        return f"It was ended after {seconds:g} s."
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not process.returncode:
        return ""
    last = stderr.decode(errors="replace").strip().rpartition("\n")[2][:_SHOWN_CHARACTERS]
    return f"It ended with exit code {process.returncode}: {last}"

"""Live switch of a running core to another model; questions are answered throughout.

A pointer file in the data folder names the model that should serve. The file is checked once a
second. If it names another model, this model is opened in a thread, and the model's index is opened
and updated in slices. One short job then swaps in the model and the index. If config.toml names a
model without an index, the index is built first, at the lowest priority.
"""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.core.job_queue import Priority
from bot.core.shadow_index import build, catch_up, read_ahead
from bot.core.worker import Worker, run_in_thread
from bot.models.index_pruning import prune_closed_indexes
from bot.models.serving_model import (
    Opened,
    Opener,
    Pointer,
    Served,
    open_successor,
    other_indexes,
    read_pointer,
    retained_indexes,
    switch_to,
)
from bot.storage.data_folder import (
    MODEL_LOCK,
    POINTER,
    DataFolderError,
    open_index,
    try_lock,
)
from bot.storage.index_places import index_place
from indexer.embedding.embedder import ModelError
from indexer.embedding.model_records import ModelRecord
from indexer.index.database import IndexError_
from indexer.ingest.pipeline import Progress
from indexer.retrieval.evidence import CalibrationError
from knowledge.store.database import StoreError

# Interval between checks of the pointer file; a check is one `stat`.
POLL_SECONDS: Final = 1.0
# Interval between deletions in kept indexes.
KEPT_SECONDS: Final = 60.0
# Pause after a failed build.
RETRY_SECONDS: Final = 60.0

# Errors that keep a model from serving; the previous model keeps serving.
_UNABLE: Final = (ModelError, IndexError_, DataFolderError, CalibrationError)

_logger = logging.getLogger(__name__)


class LiveSwitch:
    """Switches a worker's core to the chosen model.

    `state` is a sentence about a running build or a problem; otherwise it is empty.
    """

    def __init__(self, worker: Worker[Core], folder: Path, *, shared: bool = False) -> None:
        """Watch the data folder of the worker's core.

        With `shared`, models chosen on other machines are followed, too.
        """
        self._shared = shared
        self.state = ""
        self._worker = worker
        self._folder = folder
        self._seen: object = None
        self._waits_until = 0.0
        # Whether the serving model is config.toml's, as far as known.
        self._serves_wanted = False
        # The serving index and its generation at the last deletion in kept indexes.
        self._pruned = ("", 0)

    async def follow_pointer(self) -> bool:
        """Switch to the pointer's model if the file has changed; return whether it switched."""
        if self._shared:
            await self._exchange_choices()
        seen = _signature(self._folder / POINTER)
        if seen == self._seen or self._waits():
            return False
        try:
            switched = await self._follow(read_pointer(self._folder))
        except _UNABLE as error:
            self._fail(f"The chosen model can't be opened: {error}")
            return False
        self._seen, self.state = seen, ""
        return switched

    async def _exchange_choices(self) -> None:
        try:
            await self._worker.call(Core.exchange_choices, priority=Priority.INDEXING)
        except (StoreError, DataFolderError) as error:
            # The next look tries again.
            _logger.debug("The choices of other machines can't be read: %s", error)

    async def keep_following(self) -> None:
        """Call `follow_pointer` every `POLL_SECONDS` until cancelled."""
        while True:
            await self.follow_pointer()
            await asyncio.sleep(POLL_SECONDS)

    async def _follow(self, pointer: Pointer | None) -> bool:
        now: Served = await self._worker.call(lambda core: core.served)
        if pointer is None or pointer.serving.index == now.index:
            return False
        found = await self._opened(pointer.serving.model, Priority.REVIEWING, pointer.serving)
        await self._switch(found, Priority.REVIEWING)
        return True

    async def build_wanted(self) -> bool:
        """Build the index of config.toml's model if it is missing, then switch.

        If the build fails, or another process is building an index, calls do nothing for
        `RETRY_SECONDS`.

        Returns:
            Whether another model serves now.
        """
        if self._serves_wanted or self._waits():
            return False
        wanted: ModelRecord | None = await self._worker.call(lambda core: core.wanted)
        if wanted is None:
            self._serves_wanted = True
            return False
        try:
            switched = await self._built(wanted)
        except _UNABLE as error:
            self._fail(f"The model {wanted.name!r} of config.toml can't serve: {error}")
            return False
        self.state = ""
        return switched

    async def _built(self, wanted: ModelRecord) -> bool:
        found = await self._opened(wanted, Priority.INDEXING)

        def steps(core: Core) -> Iterator[Progress | None]:
            with try_lock(self._folder, MODEL_LOCK) as mine:
                if not mine:
                    yield None
                    return
                for progress in build(core, found.index, found.embedder):
                    self.state = _progress_text(wanted.name, progress)
                    yield progress

        _logger.info("Building the index of %s beside the serving one.", wanted.name)
        try:
            last = await self._worker.run_slices(steps)
        except BaseException:
            await self._close(found)
            raise
        if last is None:
            self._wait()
            await self._close(found)
            return False
        await self._switch(found, Priority.INDEXING, save_pointer=True)
        return True

    async def _opened(
        self, wanted: ModelRecord, priority: Priority, served: Served | None = None
    ) -> Opened:
        """Open a model in a new thread, and the model's index in the worker's thread.

        `served` names the model's complete index. Without `served`, an unfinished index of the
        model or a new index is opened.
        """
        opener: Opener = await self._worker.call(lambda core: core.opener)
        model = await run_in_thread(opener, wanted)

        def opened(core: Core) -> Opened:
            if served is None:
                return open_successor(core.folder, model, core.database)
            index = open_index(core.folder, model.embedder, served.index, core.database)
            return Opened(served, model.embedder, index)

        return await self._worker.call(opened, priority=priority)

    async def _switch(
        self, found: Opened, priority: Priority, *, save_pointer: bool = False
    ) -> None:
        """Update a model's index, and switch to the model and the index.

        With `save_pointer`, also write the model to the pointer file.
        """
        try:
            await self._worker.run_slices(
                lambda core: catch_up(core, found.index, found.embedder), priority=priority
            )
            # So that the first questions don't wait for it.
            await self._worker.run_slices(
                lambda core: read_ahead(core.index, found.index), priority=priority
            )
            await self._worker.replace(lambda core: _serve(core, found, save_pointer=save_pointer))
        except BaseException:
            await self._close(found)
            raise
        _logger.info("%s answers now.", found.served.model.name)

    async def _close(self, found: Opened) -> None:
        await self._worker.call(lambda _: found.index.close(), priority=Priority.INDEXING)

    async def prune(self) -> None:
        """Delete documents from all other indexes if the serving index no longer has them."""

        def pruned(core: Core) -> None:
            index, generation = core.served.index, core.index.generation
            if self._pruned == (index, generation):
                return
            with try_lock(core.folder, MODEL_LOCK) as mine:
                # An index under construction is left to its builder; kept ones are always pruned.
                others = other_indexes(core.folder, core.database) if mine else []
            names = {*retained_indexes(core.folder), *others} - {index}
            places = [index_place(core.folder, name, core.database) for name in sorted(names)]
            prune_closed_indexes(core.index.tables, places)
            self._pruned = (index, generation)

        await self._worker.call(pruned, priority=Priority.INDEXING)

    def _fail(self, state: str) -> None:
        self.state = state
        _logger.error("%s", state)
        self._wait()

    def _wait(self) -> None:
        self._waits_until = asyncio.get_running_loop().time() + RETRY_SECONDS

    def _waits(self) -> bool:
        return asyncio.get_running_loop().time() < self._waits_until


def _serve(core: Core, found: Opened, *, save_pointer: bool) -> None:
    """Apply the latest changes to a model's index, and switch the core to the model and index."""
    run_to_end(catch_up(core, found.index, found.embedder))
    if save_pointer:
        switch_to(core.folder, core.configured, found.served)
        core.exchange_choices()
    core.serve(found)


def _signature(path: Path) -> object:
    """A value that changes whenever a file is replaced."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _progress_text(name: str, progress: Progress) -> str:
    how_far = f", {progress.done:,} of {progress.total:,}" if progress.total else ""
    return f"The index of {name} is being built; the one before answers{how_far}."

"""Choice of a reranker, as `commonplace model use --reranker` made it: `reranker.json`.

A choice holds until `model.reranker` in config.toml is changed after it, and from the next start of
the bot on. A file that can't be read chooses nothing: what is dispensable keeps no bot from
starting.
"""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bot.storage.data_folder import DataFolderError
from bot.storage.json_file import write_json

FILE: Final = "reranker.json"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RerankerChoice:
    """What serves, what served before (either may be none), and what config.toml named then."""

    configured: str
    serving: str
    previous: str


def read_choice(folder: Path) -> RerankerChoice | None:
    """What was chosen; None where nothing was, or the file can't be read."""
    path = folder / FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return RerankerChoice(**{key: str(value) for key, value in fields.items()})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        _logger.warning("%s can't be read, so config.toml says which reranker: %s", path, error)
        return None


def chosen_reranker(folder: Path, configured: str) -> str:
    """The name of the reranker that serves, or nothing; `configured` is what config.toml names."""
    choice = read_choice(folder)
    return choice.serving if choice is not None and choice.configured == configured else configured


def choose_reranker(folder: Path, configured: str, name: str) -> None:
    """Let a reranker serve from the next start on, or none; the one before is kept in mind.

    Raises:
        DataFolderError: if it can't be written down; then nothing is changed.
    """
    choice = RerankerChoice(configured, name, chosen_reranker(folder, configured))
    try:
        write_json(folder / FILE, asdict(choice))
    except OSError as error:
        raise DataFolderError(
            f"Which reranker serves can't be written down in {folder}: {error.strerror or error}. "
            "Nothing was changed."
        ) from error


def previous_reranker(folder: Path, configured: str) -> str | None:
    """The one that served before the last choice; None if nothing was chosen that still holds."""
    choice = read_choice(folder)
    return choice.previous if choice is not None and choice.configured == configured else None

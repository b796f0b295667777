"""Choice of a reranker by `commonplace model use --reranker`, kept in `reranker.json`.

A choice takes effect at the next start, and holds until `model.reranker` in config.toml changes. An
unreadable file is ignored, because the bot must start even without its optional reranker.
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
    """Content of `reranker.json`; each name is "" for no reranker.

    `configured` is the reranker in config.toml at the time of the choice.
    """

    configured: str
    serving: str
    previous: str


def _read_choice(folder: Path) -> RerankerChoice | None:
    """Read the choice; None if nothing was chosen, or the file can't be read."""
    path = folder / FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return RerankerChoice(**{key: str(value) for key, value in fields.items()})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        _logger.warning("%s can't be read; config.toml chooses the reranker: %s", path, error)
        return None


def chosen_reranker(folder: Path, configured: str) -> str:
    """Return the name of the reranker to serve, or "" for none.

    `configured` is the reranker in config.toml.
    """
    choice = _read_choice(folder)
    return choice.serving if choice is not None and choice.configured == configured else configured


def choose_reranker(folder: Path, configured: str, name: str) -> None:
    """Save the choice of the reranker `name`, or "" for none. It applies from the next start.

    Raises:
        DataFolderError: if the choice can't be saved; nothing was changed.
    """
    choice = RerankerChoice(configured, name, chosen_reranker(folder, configured))
    try:
        write_json(folder / FILE, asdict(choice))
    except OSError as error:
        raise DataFolderError(
            f"The choice of the reranker can't be saved in {folder}: {error.strerror or error}. "
            "Nothing was changed."
        ) from error


def previous_reranker(folder: Path, configured: str) -> str | None:
    """Return the reranker that served before the last choice, or "" if none did.

    `configured` is the present `model.reranker` in config.toml. Return None if no reranker was
    chosen since this setting changed.
    """
    choice = _read_choice(folder)
    return choice.previous if choice is not None and choice.configured == configured else None

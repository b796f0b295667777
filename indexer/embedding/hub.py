"""Download of models from the Hugging Face hub: on request, resumable, verified, without pickles.

The hub's library downloads into its own cache, and resumes an interrupted download. Only files that
affect vectors are downloaded (settings, tokenizer, weights as safetensors), and the model card.
Their digests are compared with those listed by the hub.

Errors:
    ModelError
    └── HubError    the model can't be downloaded; the message gives cause and remedy
"""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from indexer.embedding.embedder import ModelError, silence_model_libraries
from indexer.embedding.installed_models import DOWNLOADED_FILES, OTHER_FORMATS
from indexer.embedding.onnx_model import file_digest

# Larger models are too slow on a CPU, and an untrusted listing must not fill the disk.
MOST_BYTES: Final = 8 * 10**9
# Disk space needed, as a multiple of the download: the derived form, and room to make it.
_ROOM: Final = 2
_UNAUTHORISED: Final = 401

# Called with the bytes done and the bytes in all.
Show = Callable[[int, int], None]


class HubError(ModelError):
    """The model can't be downloaded; the message gives the remedy."""


class Fetched(NamedTuple):
    """A downloaded model: its folder, and its commit on the hub."""

    folder: Path
    revision: str


def fetch(name: str, revision: str = "", show: Show = lambda done, total: None) -> Fetched:
    """Download the model `owner/name`, or its missing files; by default the newest commit.

    Raises HubError if the model can't be downloaded.
    """
    silence_model_libraries()
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise HubError(
            f"The model {name!r} is not on this machine, and downloading is switched off "
            "(HF_HUB_OFFLINE). To download it, repeat the command with HF_HUB_OFFLINE=0 before it; "
            "or copy the model's folder here and name that."
        )
    from huggingface_hub.errors import DryRunError, HfHubHTTPError, HFValidationError

    try:
        return _download(name, revision, show)
    except HubError:
        raise
    except DryRunError as error:
        raise HubError(_sentence(name, error.__cause__ or error)) from error
    except (HFValidationError, HfHubHTTPError, OSError, RuntimeError) as error:
        raise HubError(_sentence(name, error)) from error


def _download(name: str, revision: str, show: Show) -> Fetched:
    from huggingface_hub import snapshot_download

    asked: dict[str, Any] = {
        "revision": revision or None,
        "allow_patterns": list(DOWNLOADED_FILES),
        "ignore_patterns": list(OTHER_FORMATS),
    }
    listed = snapshot_download(
        name, dry_run=True, tqdm_class=_bar(lambda done, total: None), **asked
    )
    names = [file.filename for file in listed]
    if not any(path.endswith(".safetensors") for path in names):
        raise HubError(
            f"The model {name!r} has no weights as safetensors. Weights as pickles could run code "
            "when they are read, so they are not downloaded: name another model."
        )
    missing = sum(file.file_size or 0 for file in listed if file.will_download)
    _check_room(name, missing, Path(cache_folder()))
    commit = listed[0].commit_hash
    folder = snapshot_download(name, tqdm_class=_bar(show), **{**asked, "revision": commit})
    _verify(name, Path(folder), commit, names)
    return Fetched(Path(folder), commit)


def cache_folder() -> str:
    """The download cache of the hub's library."""
    from huggingface_hub import constants

    return str(constants.HF_HUB_CACHE)


def _check_room(name: str, size: int, cache: Path) -> None:
    if size > MOST_BYTES:
        raise HubError(
            f"The model {name!r} is {size / 1e9:.1f} GB large; {MOST_BYTES / 1e9:.0f} GB is the "
            "most that is downloaded. Name a smaller one."
        )
    there = next(path for path in (cache, *cache.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < size * _ROOM:
        raise HubError(
            f"The model {name!r} is a download of {size / 1e6:,.0f} MB and needs as much again, "
            f"but {there} has {free / 1e6:,.0f} MB left. Make room, or name a larger disk: HF_HOME."
        )


def _verify(name: str, folder: Path, commit: str, names: list[str]) -> None:
    """Compare the large files with the digests listed by the hub for this commit."""
    from huggingface_hub import HfApi

    listed = HfApi().list_repo_tree(name, recursive=True, revision=commit)
    stored_as = {file.path: getattr(file, "lfs", None) for file in listed}
    for path in names:
        stored = stored_as.get(path)
        if stored is not None and file_digest(folder / path) != stored.sha256:
            (folder / path).resolve().unlink(missing_ok=True)
            (folder / path).unlink(missing_ok=True)
            raise HubError(
                f"{path} of the model {name!r} differs from the hub's (by its digest), "
                "and was deleted. Repeat the command to download it again."
            )


def _bar(show: Show) -> type[Any]:
    """A tqdm class that calls `show` instead of drawing a bar."""
    from tqdm.auto import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._bytes = str(options.get("desc", "")).startswith("Reconstructing")
            super().__init__(*arguments, **{**options, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            moved: bool | None = super().update(n)
            if self._bytes:
                show(int(self.n), int(self.total or 0))
            return moved

    return Bar


def _sentence(name: str, error: BaseException) -> str:
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return (
            f"The model {name!r} has terms to accept first: accept them on its page of the "
            "hub, and set HF_TOKEN."
        )
    # Without a token, a private model looks like a missing one.
    denied = isinstance(error, HfHubHTTPError) and error.response.status_code == _UNAUTHORISED
    if denied or isinstance(error, RepositoryNotFoundError | HFValidationError):
        return (
            f"There is no model {name!r}, neither as a folder here nor on the hub. "
            "`commonplace model list` has presets; else name `owner/model`, or a folder."
        )
    if isinstance(error, RevisionNotFoundError):
        return f"The hub no longer has this revision of {name!r}."
    why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return (
        f"The model {name!r} could not be downloaded: {why}. What came is kept: the same command "
        "goes on from there."
    )

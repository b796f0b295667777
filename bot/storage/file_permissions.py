"""File permissions of the data folder: only its owner can read and write.

`main` sets the umask for new files. Opening the folder also restricts files copied into it. Only
`bot.storage.data_folder` may call this, for a folder that it knows to be Commonplace's.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from knowledge.files.scan import DATA_MARK

# Everything for the owner, nothing for the group and for others.
UMASK: Final = 0o077

_FILES: Final = (
    DATA_MARK,
    "community*.db*",
    "channels.db*",
    "web.db*",
    "machine.json*",
    "tombstones.jsonl",
    "calibration*.toml",
    "model*.json*",
    "reranker.json*",
    "*.lock",
)
_FOLDERS: Final = ("index", "index.*", "backups")


def paths_open_to_others(folder: Path) -> list[Path]:
    """Paths of a data folder that other users may use, the folder itself first."""
    if os.name != "posix":
        return []
    return [path for path in _own_paths(folder) if _mode(path) & UMASK]


def restrict_to_owner(folder: Path) -> int:
    """Remove other users' permissions where possible, and return the number of changed paths."""
    closed = 0
    for path in paths_open_to_others(folder):
        try:
            path.chmod(_mode(path) & ~UMASK)
        except OSError:
            # It belongs to another user; `doctor` says so.
            continue
        closed += not _mode(path) & UMASK
    return closed


def _own_paths(folder: Path) -> Iterator[Path]:
    # A shared folder such as /tmp must stay open.
    if not folder.stat().st_mode & stat.S_ISVTX:
        yield folder
    for pattern in _FILES:
        yield from (path for path in folder.glob(pattern) if not path.is_symlink())
    for top in (top for pattern in _FOLDERS for top in folder.glob(pattern)):
        if top.is_symlink():
            continue
        for above, folders, files in os.walk(top):
            here = Path(above)
            yield here
            yield from (path for file in files if not (path := here / file).is_symlink())
            folders[:] = [folder for folder in folders if not (here / folder).is_symlink()]


def _mode(path: Path) -> int:
    """The permissions of a file; 0 if it was deleted meanwhile."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0

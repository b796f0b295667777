"""Web address of a folder in a Git checkout, read from the files in `.git`.

Git itself isn't run, because a checkout's settings can make it run programs (hooks, a file system
monitor). User names and passwords in a remote's address are dropped.

Source:
    git-config(1), "Syntax" and "branch.<name>.merge"; git-clone(1), "Git URLs".
"""

import configparser
import re
from pathlib import Path
from typing import Final

from knowledge.sources.git.hosts import branch_link

_HOST: Final = r"(?P<host>[\w-]+(?:\.[\w-]+)+"
_PATH: Final = r"(?P<path>[^\s?#]+?)(?:\.git)?/?"
# A port is part of the site's address only in a remote with http.
_URLS: Final = (
    re.compile(rf"https?://(?:[^@/\s]*@)?{_HOST}(?::\d+)?)/{_PATH}"),
    re.compile(rf"(?:ssh|git)://(?:[^@/\s]*@)?{_HOST})(?::\d+)?/{_PATH}"),
    re.compile(rf"(?<![\w.-])[\w.-]+@{_HOST}):/?{_PATH}"),
)


def web_address(path: Path) -> str:
    """The web address of a folder in a checkout, or of a file's folder; empty if unknown."""
    folder = path if path.is_dir() else path.parent
    root = next(
        (parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None
    )
    if root is None:
        return ""
    page, merged = _remote_of(root / ".git")
    if not page:
        return ""
    place = folder.relative_to(root).as_posix()
    return branch_link(page, merged.removeprefix("refs/heads/"), place)


def is_repository(path: Path) -> bool:
    """Whether a folder is a Git checkout or a bare repository."""
    return (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir())


def remote_page(path: Path) -> str:
    """The web page of a checkout's or bare repository's remote; empty if there is none."""
    git = path / ".git"
    return _remote_of(git if git.exists() else path)[0]


def _remote_of(git: Path) -> tuple[str, str]:
    """The web page of a repository's remote, and the upstream branch; both may be empty."""
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        own, common = _git_folders(git)
        lines = (common / "config").read_text(encoding="utf-8").splitlines()
        # `configparser` takes an indented line for a part of the value above it.
        config.read_string("\n".join(line.strip() for line in lines))
        head = (own / "HEAD").read_text(encoding="utf-8").strip()
    except (OSError, ValueError, configparser.Error):
        return "", ""
    name = head.removeprefix("ref: refs/heads/")
    remote = config.get(f'branch "{name}"', "remote", fallback="origin") or "origin"
    merged = config.get(f'branch "{name}"', "merge", fallback=name) or name
    return page_of(config.get(f'remote "{remote}"', "url", fallback="") or ""), merged


def _git_folders(git: Path) -> tuple[Path, Path]:
    """The folder of HEAD and the folder of `config`; a linked work tree has two folders."""
    if git.is_dir():
        return git, git
    # A submodule, or one of several work trees.
    own = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    shared = own / "commondir"
    common = shared.read_text(encoding="utf-8").strip() if shared.exists() else "."
    return own, own / common


def page_of(url: str) -> str:
    """Convert a remote's URL to the address of the remote's web page; empty if there is none."""
    found = next(filter(None, (pattern.fullmatch(url.strip()) for pattern in _URLS)), None)
    return f"https://{found['host']}/{found['path']}" if found else ""

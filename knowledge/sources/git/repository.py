"""Shallow clones of repositories: one commit of one branch, fetched into a bare repository.

A clone is derived data in the data folder; if it is deleted, it is fetched again. No work tree is
written, so this machine runs no file of a repository, and creates none of its paths. Symbolic
links, submodules and files in Git LFS are skipped.
"""

import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from knowledge.dependencies import install_hint
from knowledge.files.parsed_file import MAX_PACKED_BYTES
from knowledge.files.reader import SUFFIXES
from knowledge.sources.git.packs import largest_unpacked, pack_index
from knowledge.sources.net.addresses import is_web
from knowledge.sources.net.polite_fetcher import Fetcher
from knowledge.sources.net.safe_network import LostError, RefusedError, error_text

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore
    from dulwich.objects import ObjectID
    from dulwich.repo import Repo

    from knowledge.sources.git.http_client import GuardedGitClient

# The folder of clones in the data folder.
COPIES: Final = "git"

# The most bytes of a fetch.
PACK_BYTES: Final = 200_000_000
# The same for sources that a server's administrators add.
GUILD_PACK_BYTES: Final = 50_000_000
# A clone with more than this many times the bytes of a fetch, or more packs, is made anew.
COPY_FACTOR: Final = 2
COPY_PACKS: Final = 30
FILES: Final = 5_000
# Entries of a commit, readable or not: a tree may be endless.
ENTRIES: Final = 200_000
# Bytes of one folder's tree object; an entry takes about 40.
TREE_BYTES: Final = 10_000_000
FILE_BYTES: Final = MAX_PACKED_BYTES
FOLDERS_DEEP: Final = 50
PATH_CHARACTERS: Final = 1_000

MISSING: Final = f"can't be read without {install_hint('git')}, then start again"

_LFS: Final = re.compile(rb"version https://git-lfs\.github\.com/spec/")
_HEADS: Final = b"refs/heads/"
_KEPT: Final = b"refs/heads/kept"


@dataclass(frozen=True, slots=True)
class CommittedFile:
    """A file of a commit: its path in the repository, and its blob id."""

    path: str
    id: str


@dataclass(frozen=True, slots=True)
class FileListing:
    """The readable files of a commit, whether they are all, and the problem, if any."""

    files: tuple[CommittedFile, ...]
    reason: str = ""
    whole: bool = True


def is_installed() -> bool:
    """Whether the optional dependencies for Git (the extra `git`) are installed."""
    return find_spec("dulwich") is not None


def copy_folder(data: Path, location: str) -> Path:
    return data / COPIES / sha256(location.encode()).hexdigest()[:16]


def forget_other_copies(data: Path, locations: Iterable[str]) -> None:
    """Remove the clones of all repositories except those at `locations`."""
    kept = {copy_folder(data, location) for location in locations}
    for folder in (data / COPIES).glob("*"):
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)


class Repository:
    """An open repository at one commit."""

    def __init__(self, opened: "Repo", commit: "ObjectID") -> None:
        self._opened = opened
        self._objects: BaseObjectStore = opened.object_store
        self._commit = commit

    @property
    def commit(self) -> str:
        return self._commit.decode("ascii")

    def close(self) -> None:
        self._opened.close()

    def files(self, folder: str = "") -> FileListing:
        """The readable files in a folder, in the order of their paths.

        If the folder is missing, the listing is empty and has a `reason`. Raises RefusedError if an
        object is missing or damaged.
        """
        tree = self._object(self._commit).tree
        for part in filter(None, folder.split("/")):
            found = self._entry(tree, part)
            if found is None or not stat.S_ISDIR(found.mode):
                return FileListing((), f"has no folder {folder} at commit {self.commit[:10]}")
            tree = found.sha
        return self._list_folder(tree, "/".join(filter(None, folder.split("/"))))

    def _entries(self, tree_id: Any) -> list[Any]:
        """The entries of a folder; RefusedError if it is no folder, or has too many."""
        from dulwich.objects import Tree

        tree = self._object(tree_id)
        # Checked before parsing, which needs ten times as much memory.
        if not isinstance(tree, Tree) or tree.raw_length() > TREE_BYTES:
            raise RefusedError("has a folder that is damaged, or has too many entries")
        return list(tree.iteritems())

    def _list_folder(self, tree: Any, folder: str) -> FileListing:
        files: list[CommittedFile] = []
        seen = 0
        # Only ids are queued, because a folder may contain itself a hundred thousand times.
        waiting: list[tuple[Any, str, int]] = [(tree, folder, 0)]
        while waiting:
            tree, folder, depth = waiting.pop()
            inner: list[tuple[Any, str, int]] = []
            for entry in self._entries(tree):
                seen += 1
                if seen > ENTRIES:
                    reason = f"has more than {ENTRIES:,} files and folders"
                    return FileListing(tuple(files), reason, False)
                path = _path(folder, entry.path)
                if not path or entry.mode is None:
                    continue
                if stat.S_ISDIR(entry.mode) and depth < FOLDERS_DEEP:
                    inner.append((entry.sha, path, depth + 1))
                elif stat.S_ISREG(entry.mode) and _suffix(path) in SUFFIXES:
                    if len(files) == FILES:
                        reason = f"has more than {FILES:,} files; the first {FILES:,} are read"
                        return FileListing(tuple(files), reason, False)
                    files.append(CommittedFile(path, entry.sha.decode("ascii")))
            waiting.extend(reversed(inner))
        return FileListing(tuple(files))

    def file_at(self, path: str) -> CommittedFile | None:
        """The visible file at a path, if any; RefusedError if an object is missing or damaged."""
        tree, inside = self._object(self._commit).tree, ""
        *folders, name = path.split("/")
        for part in folders:
            found = self._entry(tree, part)
            if found is None or not stat.S_ISDIR(found.mode):
                return None
            tree, inside = found.sha, _path(inside, found.path)
        found = self._entry(tree, name)
        if found is None or not stat.S_ISREG(found.mode) or _path(inside, found.path) != path:
            return None
        return CommittedFile(path, found.sha.decode("ascii"))

    def _entry(self, tree: Any, name: str) -> Any:
        return next((entry for entry in self._entries(tree) if entry.path == name.encode()), None)

    def content(self, file: CommittedFile) -> bytes:
        """The content of a file; RefusedError if the file is in Git LFS, too large, or damaged."""
        from dulwich.objects import ObjectID

        object_id = ObjectID(file.id.encode("ascii"))
        if self._unpacked_bytes(object_id) > FILE_BYTES:
            raise RefusedError(f"has more than {FILE_BYTES / 1e6:,.0f} MB when it is unpacked")
        content: bytes = self._object(object_id).as_raw_string()
        if len(content) < 1_024 and _LFS.match(content):
            raise RefusedError("is kept in Git LFS, which is not read")
        return content

    def _unpacked_bytes(self, object_id: "ObjectID") -> int:
        """The size of the largest object unpacked to read a file.

        This is the file itself or one of its delta bases. The size is 0 if the file is in no pack.
        """
        from dulwich.objects import RawObjectID

        pack = next((pack for pack in self._objects.packs if object_id in pack), None)
        if pack is None:
            return 0
        index = pack.index
        with Path(pack.data.path).open("rb") as packed:
            return largest_unpacked(
                packed,
                index.object_offset(object_id),
                lambda base: index.object_offset(RawObjectID(base)),
            )

    def _object(self, object_id: bytes) -> Any:
        try:
            return self._objects[object_id]  # type: ignore[index]
        except (KeyError, ValueError, OSError) as error:
            raise RefusedError(f"lacks an object of its own ({error_text(error)})") from error
        except Exception as error:
            # Dulwich has no common class for errors of damaged objects.
            raise RefusedError(f"has a damaged object ({error_text(error)})") from error


def _path(folder: str, name: bytes) -> str:
    """The path of an entry in a folder; empty if its name is hidden or invalid."""
    try:
        written = name.decode()
    except UnicodeDecodeError:
        return ""
    if written.startswith(".") or "/" in written or not written.isprintable():
        return ""
    path = f"{folder}/{written}" if folder else written
    return path if len(path) <= PATH_CHARACTERS else ""


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


# Opening.


def open_repository(
    url: str, branch: str, folder: Path, fetcher: Fetcher, most: int | None = None
) -> Repository:
    """Open a repository at its branch's current commit.

    A remote one is fetched into `folder` first, with at most `most` bytes. An empty `branch` is the
    repository's default. Raises RefusedError if it can't be read; the message is the rest of a
    sentence.
    """
    if not is_installed():
        raise RefusedError(MISSING)
    if not is_web(url):
        return _open_local(url, branch)
    pack_bytes = PACK_BYTES if most is None else max(min(GUILD_PACK_BYTES, most), 0)
    return _open_fetched(url, branch, folder, fetcher, pack_bytes)


def _open_local(path: str, branch: str) -> Repository:
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo

    try:
        found = Repo(path)
    except (NotGitRepository, OSError, ValueError) as error:
        raise LostError("is no Git repository") from error
    try:
        return Repository(found, _branch_commit(found.get_refs(), branch))
    except RefusedError:
        found.close()
        raise


def _branch_commit(refs: Mapping[Any, Any], branch: str) -> "ObjectID":
    """The commit of a branch, or of HEAD if it's empty; LostError if there is none."""
    from dulwich.objects import ObjectID

    commit = refs.get(_HEADS + branch.encode() if branch else b"HEAD")
    if commit is not None:
        return ObjectID(commit)
    known = sorted(
        name.removeprefix(_HEADS).decode("utf-8", "replace")
        for name in refs
        if name.startswith(_HEADS)
    )
    if branch:
        told_of = f"; it has {', '.join(known[:5])}" if known else ""
        raise LostError(f"has no branch {branch}{told_of}")
    if known:
        raise LostError(f"names no branch of its own: add it with one, as {known[0]}")
    raise LostError("is empty: it has no commit yet")


def _open_fetched(
    url: str, branch: str, folder: Path, fetcher: Fetcher, pack_bytes: int
) -> Repository:
    from knowledge.sources.git.http_client import GuardedGitClient

    kept = _open_copy(folder, COPY_FACTOR * pack_bytes)
    try:
        before = kept.refs.as_dict(_HEADS.rstrip(b"/")).get(b"kept")
        client = GuardedGitClient(url, fetcher, pack_bytes)
        commit = _fetch(kept, before, client, branch, folder)
        if commit not in kept.object_store:
            raise RefusedError("did not send the commit that it names")
        kept.refs[_KEPT] = commit
    except BaseException:
        kept.close()
        raise
    return Repository(kept, commit)


def _open_copy(folder: Path, most: int) -> Any:
    """Open the clone in a folder; a damaged or too large clone is replaced by an empty clone.

    Raises RefusedError if the folder can't be written.
    """
    from dulwich.repo import Repo

    if (folder / "HEAD").exists() and not _is_outgrown(folder, most):
        # Dulwich has no common class for errors of damaged files.
        with suppress(Exception):
            return _checked_copy(Repo(str(folder)))
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        return Repo.init_bare(str(folder))
    except OSError as error:
        raise RefusedError(f"can't be kept in {folder}: {error_text(error)}") from error


def _checked_copy(copy: Any) -> Any:
    """Check a clone: its packs, and the tree of its last commit."""
    try:
        commit = copy.object_store[copy.refs[_KEPT]]
        for pack in copy.object_store.packs:
            pack.check_length_and_checksum()
        copy.object_store[commit.tree].check()
    except BaseException:
        copy.close()
        raise
    return copy


def _is_outgrown(folder: Path, most: int) -> bool:
    packs = list((folder / "objects" / "pack").glob("*.pack"))
    with suppress(OSError):
        return len(packs) > COPY_PACKS or sum(p.stat().st_size for p in packs) > most
    return True


class _OneCommit:
    """Graph walker for dulwich: tells the host that this clone has one commit, no ancestors."""

    def __init__(self, commit: Any) -> None:
        self.shallow = {commit} if commit else set()
        self._left = [commit] if commit else []

    def __next__(self) -> Any:
        return self._left.pop() if self._left else None

    def next(self) -> Any:
        return next(self)

    def ack(self, sha: Any) -> None:
        pass

    def nak(self) -> None:
        pass


def _fetch(
    kept: Any, before: Any, client: "GuardedGitClient", branch: str, folder: Path
) -> "ObjectID":
    import httpcore2
    from dulwich.errors import GitProtocolError

    try:
        return _fetch_pack(kept, before, client, branch, folder)
    except (httpcore2.TimeoutException, TimeoutError) as error:
        raise RefusedError("did not answer in time") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
        raise RefusedError(f"can't be reached ({error_text(error)})") from error
    except RefusedError:
        raise
    except Exception as error:
        # Dulwich has many classes for a host's errors, and raises others for unusual answers.
        reason = f": {error_text(error)}" if isinstance(error, GitProtocolError) else ""
        raise RefusedError(f"can't be understood ({type(error).__name__}{reason})") from error


def _fetch_pack(
    kept: Any, before: Any, client: "GuardedGitClient", branch: str, folder: Path
) -> "ObjectID":
    found: list[ObjectID] = []

    def wants(refs: Mapping[Any, Any], depth: int | None = None) -> "list[ObjectID]":
        found.append(_branch_commit(refs, branch))
        return [commit for commit in found if commit not in kept.object_store]

    with tempfile.TemporaryFile(dir=folder) as pack:
        fetched = client.fetch_pack(
            b"", wants, _OneCommit(before), pack.write, depth=1, ref_prefix=[b"HEAD", _HEADS]
        )
        if fetched.object_format not in (None, "sha1"):
            raise RefusedError("names its objects by SHA-256, which is not read")
        if pack.tell():
            pack.seek(0)
            _keep_pack(folder, pack.read())
    return found[-1]


def _keep_pack(folder: Path, pack: bytes) -> None:
    """Add a pack to a clone, named by its digest; RefusedError if it exceeds the limits."""
    index = pack_index(pack)
    place = folder / "objects" / "pack" / f"pack-{pack[-20:].hex()}"
    # Git finds a pack by its index, so the index is written last, and atomically.
    for suffix, content in ((".pack", pack), (".idx", index)):
        written = place.with_suffix(".tmp")
        written.write_bytes(content)
        written.replace(place.with_suffix(suffix))

"""Publisher of a site, with an atomic switch from the old version to the new.

The site's folder is a link to one of two copies. The other copy is updated, and the link switches
to it in one step. Then the former copy is updated, too, so no withdrawn text is left. Equal files
of both copies are hard links, so a changed note costs only its own pages. A page's address
determines its bundle of Pagefind's search index, so a new note changes only one bundle. A site of
a few hundred notes has only one bundle.

    page              → .page.a/site, or .page.b/site; a web server reads it
    .page.a/made.json   the digest of each file's inputs; missing while the copy is being changed
    .page.lock          locked by the process that publishes
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from gettext import NullTranslations
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from filelock import FileLock, Timeout
from pagefind_bin import get_executable

from knowledge.dependencies import environment
from knowledge.page.pages import Renderer, machine_files, pages
from knowledge.page.site import PublishError, Site, note_address, printable
from knowledge.values.guilds import Language
from knowledge.values.submissions import is_link

_COPIES: Final = ("a", "b")
_SITE: Final = "site"
_MADE: Final = "made.json"
_PLACE: Final = re.compile(r"(?P<name>[^.].*)|\.(?P<hidden>[^.].*)\.[ab]")
_LOCK_SECONDS: Final = 60
# The web server may run as another user, while the bot's other files are private.
_FILE_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755

# Pagefind indexes as many in half a second of CPU time.
BUNDLE_PAGES: Final = 1_000
_PAGEFIND_SECONDS: Final = 300
# Pagefind's user interface; the site has a smaller one.
_UNUSED: Final = (
    "pagefind-component-ui.css",
    "pagefind-component-ui.js",
    "pagefind-highlight.js",
    "pagefind-modular-ui.css",
    "pagefind-modular-ui.js",
    "pagefind-ui.css",
    "pagefind-ui.js",
    "wasm.unknown.pagefind",
)

# The bytes of a picture, by its digest.
PictureBytes = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Published:
    """Numbers of all entries on the site, and of those that this run wrote or removed."""

    entries: int
    written: int
    removed: int


class _Entry(NamedTuple):
    """A file or search bundle: the digest of its inputs, and the function to make it at a path."""

    digest: str
    make: Callable[[Path], None]


def publish(
    site: Site,
    folder: Path,
    translations: NullTranslations,
    picture: PictureBytes,
    templates: Path | None = None,
) -> Published:
    """Write the site into the folder; nothing is written if nothing changed.

    Raises PublishError if the folder has other files, is locked or can't be written, or if a
    template or Pagefind fails.
    """
    base_url = f"{site.base_url.rstrip('/')}/" if site.base_url else ""
    invite = site.invite if is_link(site.invite) else ""
    site = replace(site, name=printable(site.name), base_url=base_url, invite=invite)
    entries = _entries(site, Renderer(site, translations, templates), picture)
    made = {path: entry.digest for path, entry in entries.items()}
    try:
        with _lock(folder):
            served, spare = _copies(folder)
            before = _file_digests(served)
            if before != made:
                _update_copy(spare, entries, served)
                _switch_link(folder, spare)
                served, spare = spare, served
            if _file_digests(spare) != made:
                _update_copy(spare, entries, served)
    except OSError as error:
        raise PublishError(f"{folder} can't be written: {error.strerror or error}.") from error
    written = sum(before.get(path) != digest for path, digest in made.items())
    return Published(len(made), written, len(before.keys() - made.keys()))


def unpublish(folder: Path) -> None:
    """Delete a site with both copies, and nothing else.

    Raises PublishError if the folder isn't a site, or it can't be deleted.
    """
    try:
        with _lock(folder):
            copies = _copies(folder)
            # From here on nothing is served, even if this is interrupted.
            folder.unlink(missing_ok=True)
            for copy in copies:
                if copy.exists():
                    shutil.rmtree(copy)
    except OSError as error:
        raise PublishError(f"{folder} can't be deleted: {error.strerror or error}.") from error


def has_notes(folder: Path) -> bool:
    """Whether a published site has a page of a note."""
    return any((folder / note_address(1)).parent.glob("*/index.html"))


def site_names(parent: Path) -> set[str]:
    """The names of the sites in a folder, including partly deleted ones."""
    places = parent.iterdir() if parent.is_dir() else ()
    matches = (_PLACE.fullmatch(place.name) for place in places)
    return {match["hidden"] or match["name"] for match in matches if match}


def _entries(site: Site, renderer: Renderer, picture: PictureBytes) -> dict[str, _Entry]:
    def file(digest: str, content: Callable[[], bytes]) -> _Entry:
        return _Entry(digest, lambda path: _write(path, content()))

    entries = {
        page.path: file(page.digest(renderer.shared), partial(renderer.render, page))
        for page in pages(site)
    }
    for note in site.notes:
        for shown in note.pictures:
            path = f"pictures/{shown.file_name}"
            entries[path] = file(shown.digest, partial(picture, shown.digest))
    literal = {path: text.encode() for path, text in machine_files(site)}
    literal["search.js"] = (files("knowledge.page") / "search.js").read_bytes()
    if site.icon is not None:
        literal[f"icon.{site.icon.kind}"] = site.icon.content
    searched = {
        f"{note.address}index.html": renderer.shared
        + _digest(repr((note.title, note.text, note.tags)).encode())
        for note in site.notes
    }
    parts = _bundles(searched)
    # A search loads this first.
    names = [{"name": str(number), "pages": len(part)} for number, part in enumerate(parts)]
    literal["search/bundles.json"] = json.dumps(names).encode()
    for path, text in literal.items():
        entries[path] = _Entry(_digest(text), partial(_write, content=text))
    # Last, because bundles are made from the pages.
    for number, part in enumerate(parts):
        make = partial(_write_bundle, paths=part.keys(), language=site.language)
        entries[f"search/{number}"] = _Entry(_digest(repr(part).encode()), make)
    return entries


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _bundles(digests: Mapping[str, str]) -> list[dict[str, str]]:
    """Divide pages into bundles; each has the digests of its pages by path, and none is empty."""
    number = 1
    # Doubled, so one more note seldom moves pages to other bundles.
    while number * BUNDLE_PAGES < len(digests):
        number *= 2
    parts: list[dict[str, str]] = [{} for _ in range(number)]
    for path, digest in sorted(digests.items()):
        parts[crc32(path.encode()) % number][path] = digest
    return [part for part in parts if part]


def _write_bundle(into: Path, paths: Collection[str], language: Language) -> None:
    """Index these pages into a bundle, the folder `search/NUMBER`.

    Raises PublishError if Pagefind fails.
    """
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".pages-") as folder:
        for path in paths:
            linked = Path(folder, path)
            linked.parent.mkdir(parents=True, exist_ok=True)
            os.link(into.parents[1] / path, linked)
        command = [get_executable(), "--site", folder, "--output-path", into, "--silent"]
        command += ["--force-language", language.value]
        try:
            done = subprocess.run(  # noqa: S603 - the package's own program
                command,
                capture_output=True,
                timeout=_PAGEFIND_SECONDS,
                check=False,
                cwd=folder,
                env=environment(),
                umask=0o022,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PublishError(f"Pagefind can't index the pages: {error}.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise PublishError(f"Pagefind can't index the pages: {said or done.returncode}.")
    for name in _UNUSED:
        (into / name).unlink(missing_ok=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so two publishers don't change the same copy."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=_LOCK_SECONDS):
            yield
    except Timeout as error:
        raise PublishError(
            f"{folder} is being published by another process. Try again when it is done."
        ) from error


def _copies(folder: Path) -> tuple[Path, Path]:
    """The served copy, and the spare copy; raises PublishError if the folder isn't a site."""
    first, second = (folder.with_name(f".{folder.name}.{name}") for name in _COPIES)
    if not folder.is_symlink():
        if folder.exists() and not folder.is_dir():
            raise PublishError(f"{folder} is a file. Name a folder that isn't there yet.")
        if folder.exists() and any(folder.iterdir()):
            raise PublishError(
                f"{folder} has files that `publish` didn't write. Name a folder that isn't there "
                "yet."
            )
        return first, second
    target = folder.readlink()
    if target == Path(first.name, _SITE):
        return first, second
    if target == Path(second.name, _SITE):
        return second, first
    raise PublishError(f"{folder} is a link to {target}. Name a folder that isn't there yet.")


def _file_digests(copy: Path) -> dict[str, str]:
    """The digests of a copy's files; empty if it is missing, incomplete or not ours.

    Whoever may write beside the site's folder could lay a copy there that leads to other files, by
    its paths or by links. Such a copy is never followed, but deleted and made anew.
    """
    try:
        made: dict[str, str] = json.loads((copy / _MADE).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(made, dict) or copy.is_symlink():
        return {}
    has_links = any(
        Path(folder, name).is_symlink()
        for folder, folders, names in os.walk(copy)
        for name in (*folders, *names)
    )
    stays_inside = all(not Path(path).anchor and ".." not in Path(path).parts for path in made)
    return made if stays_inside and not has_links else {}


def _update_copy(copy: Path, entries: Mapping[str, _Entry], other: Path) -> None:
    """Update a copy of the site.

    Files that the `other` copy has already are hard-linked from it; the rest is made.
    """
    before, at_other = _file_digests(copy), _file_digests(other)
    (copy / _MADE).unlink(missing_ok=True)
    site = copy / _SITE
    if not before and copy.is_dir():
        # A killed process left it incomplete.
        shutil.rmtree(copy)
    for path in before.keys() - entries.keys():
        _remove(site / path)
    for path, entry in entries.items():
        if before.get(path) == entry.digest:
            continue
        _remove(site / path)
        _folder((site / path).parent)
        old = other / _SITE / path
        if at_other.get(path) != entry.digest:
            entry.make(site / path)
        elif old.is_dir():
            shutil.copytree(old, site / path, copy_function=os.link)
        else:
            os.link(old, site / path)
    _write(
        copy / _MADE, json.dumps({path: entry.digest for path, entry in entries.items()}).encode()
    )


def _switch_link(folder: Path, copy: Path) -> None:
    """Point the folder's link to a copy, atomically."""
    link = folder.with_name(f".{folder.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(Path(copy.name, _SITE))
    if not folder.is_symlink() and folder.is_dir():
        folder.rmdir()
    link.replace(folder)


def _remove(path: Path) -> None:
    """Remove a file or search bundle, and emptied folders."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()


def _folder(path: Path) -> None:
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir()
        path.chmod(_FOLDER_MODE)


def _write(path: Path, content: bytes) -> None:
    """Write a new file; the caller has removed an earlier file at this path.

    An earlier file may be a hard link, and overwriting it would change the other copy, too.
    """
    path.write_bytes(content)
    path.chmod(_FILE_MODE)

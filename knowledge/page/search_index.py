"""Search index of a site, in bundles of Pagefind.

A page's address determines its bundle, so a new note changes only one bundle. A site of a few
hundred notes has only one bundle.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final
from zlib import crc32

from pagefind_bin import get_executable

from knowledge.environment import environment
from knowledge.page.site import PublishError
from knowledge.values.guilds import Language

# Pagefind indexes as many in half a second of CPU time.
BUNDLE_PAGES: Final = 1_000
_SECONDS: Final = 300
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


def bundles(digests: Mapping[str, str]) -> list[dict[str, str]]:
    """Divide pages into bundles; each has the digests of its pages by path, and none is empty."""
    number = 1
    # Doubled, so one more note seldom moves pages to other bundles.
    while number * BUNDLE_PAGES < len(digests):
        number *= 2
    parts: list[dict[str, str]] = [{} for _ in range(number)]
    for path, digest in sorted(digests.items()):
        parts[crc32(path.encode()) % number][path] = digest
    return [part for part in parts if part]


def bundle_list(parts: list[dict[str, str]]) -> str:
    """The file that a search loads first: name and number of pages of each bundle."""
    return json.dumps([{"name": str(at), "pages": len(part)} for at, part in enumerate(parts)])


def write_bundle(into: Path, paths: Collection[str], language: Language) -> None:
    """Index these pages into a bundle, the folder `search/NUMBER`.

    Raises:
        PublishError: if Pagefind fails.
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
                timeout=_SECONDS,
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

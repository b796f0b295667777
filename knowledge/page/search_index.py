"""Search index of a site, in bundles of Pagefind.

Each page belongs to one bundle by its address, so a new note changes only one bundle. A site of a
few hundred notes has one.
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
    """The pages of each bundle, by path with their digests; only an empty site's is empty."""
    number = 1
    # Doubled, so one more note seldom moves pages to other bundles.
    while number * BUNDLE_PAGES < len(digests):
        number *= 2
    parts: list[dict[str, str]] = [{} for _ in range(number)]
    for path, digest in sorted(digests.items()):
        parts[crc32(path.encode()) % number][path] = digest
    return [part for part in parts if part]


def bundle_list(parts: list[dict[str, str]]) -> str:
    """The search's first file: the name and number of pages of each bundle."""
    return json.dumps([{"name": str(at), "pages": len(part)} for at, part in enumerate(parts)])


def write_bundle(into: Path, paths: Collection[str], language: Language) -> None:
    """Index these pages for the bundle at `search/NUMBER`.

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
                command, capture_output=True, timeout=_SECONDS, check=False, cwd=folder, umask=0o022
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PublishError(f"Pagefind can't index the pages: {error}.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise PublishError(f"Pagefind can't index the pages: {said or done.returncode}.")
    for name in _UNUSED:
        (into / name).unlink(missing_ok=True)

"""Search index of a site: bundles of Pagefind, each of some of the pages.

A bundle holds every page whose address falls to it, so that another note makes one bundle anew. A
site of a few hundred notes has one.
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

# Pagefind indexes so many in half a second of CPU.
BUNDLE_PAGES: Final = 1_000
_SECONDS: Final = 300
# Pagefind's own interface, in place of which the site has a smaller one.
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
    """The pages of each bundle, by path with their digests; none is empty but a site's only one."""
    number = 1
    # Doubled, so that one more note seldom changes which bundle each page belongs to.
    while number * BUNDLE_PAGES < len(digests):
        number *= 2
    parts: list[dict[str, str]] = [{} for _ in range(number)]
    for path, digest in sorted(digests.items()):
        parts[crc32(path.encode()) % number][path] = digest
    return [part for part in parts if part]


def bundle_list(parts: list[dict[str, str]]) -> str:
    """What the search reads first: the name of each bundle, and how many pages it has."""
    return json.dumps([{"name": str(at), "pages": len(part)} for at, part in enumerate(parts)])


def write_bundle(into: Path, paths: Collection[str], language: Language) -> None:
    """Index the pages at these paths of the site that has the bundle as `search/NUMBER`.

    Raises:
        PublishError: if Pagefind can't.
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

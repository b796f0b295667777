"""Headers of a page, as documented for operators."""

import re
from pathlib import Path

from knowledge.page.site import HEADERS, POLICY

DOCUMENT = Path(__file__).parents[3] / "docs" / "page.md"


def test_documents_name_each_header() -> None:
    named = re.findall(r'^add_header (\S+) "?(.*?)"?;$', DOCUMENT.read_text(), re.MULTILINE)
    assert dict(named) == HEADERS


def test_pages_load_only_their_own_files() -> None:
    sources = {source for part in POLICY.split("; ") for source in part.split()[1:]}
    assert sources == {"'none'", "'self'", "'wasm-unsafe-eval'"}

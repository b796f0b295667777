"""Headers of a page, as documented for operators."""

import re
from pathlib import Path

from knowledge.page.headers import HEADERS, POLICY

DOCUMENT = Path(__file__).parents[3] / "docs" / "page.md"


def test_the_document_names_each_header_with_its_value() -> None:
    named = re.findall(r'^add_header (\S+) "?(.*?)"?;$', DOCUMENT.read_text(), re.MULTILINE)
    assert dict(named) == HEADERS


def test_a_page_loads_nothing_from_elsewhere_and_no_style_or_script_of_its_own_text() -> None:
    sources = {source for part in POLICY.split("; ") for source in part.split()[1:]}
    assert sources == {"'none'", "'self'", "'wasm-unsafe-eval'"}

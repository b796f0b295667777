import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.page.site import DARK, HEADERS, LIGHT, POLICY, contrast, readable_accent

DOCUMENT = Path(__file__).parents[3] / "docs" / "page.md"


def test_documents_name_each_header() -> None:
    named = re.findall(r'^add_header (\S+) "?(.*?)"?;$', DOCUMENT.read_text(), re.MULTILINE)
    assert dict(named) == HEADERS


def test_pages_load_only_their_own_files() -> None:
    sources = {source for part in POLICY.split("; ") for source in part.split()[1:]}
    assert sources == {"'none'", "'self'", "'wasm-unsafe-eval'"}


@given(st.integers(0, 0xFFFFFF), st.sampled_from((LIGHT, DARK)))
def test_each_accent_is_readable_on_its_background(accent: int, ground: str) -> None:
    assert contrast(readable_accent(f"#{accent:06x}", ground), ground) >= 4.5


def test_contrast_follows_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_readable_accent_stays_unchanged() -> None:
    assert readable_accent("#0a5c4f", LIGHT) == "#0a5c4f"

"""Every accent colour becomes readable_accent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.page.site import DARK, LIGHT, contrast, readable_accent


@given(st.integers(0, 0xFFFFFF), st.sampled_from((LIGHT, DARK)))
def test_each_accent_is_readable_on_its_background(accent: int, ground: str) -> None:
    assert contrast(readable_accent(f"#{accent:06x}", ground), ground) >= 4.5


def test_contrast_follows_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_readable_accent_stays_unchanged() -> None:
    assert readable_accent("#0a5c4f", LIGHT) == "#0a5c4f"

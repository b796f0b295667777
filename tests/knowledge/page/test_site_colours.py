"""Every accent colour becomes readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.page.colours import DARK, LIGHT, contrast, readable


@given(st.integers(0, 0xFFFFFF), st.sampled_from((LIGHT, DARK)))
def test_every_accent_can_be_read_on_its_ground(accent: int, ground: str) -> None:
    assert contrast(readable(f"#{accent:06x}", ground), ground) >= 4.5


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_an_accent_that_can_be_read_stays_as_it_is() -> None:
    assert readable("#0a5c4f", LIGHT) == "#0a5c4f"

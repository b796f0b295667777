"""Necessary condition of an answer: the platform asked about."""

import pytest

from indexer.retrieval.platforms import names_other_platform


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("openvpn on iphone", "OpenVPN on Android\nInstall the app.", True),
        ("does it run on ubuntu", "On Windows 10 start setup.exe.", True),
        ("openvpn on iphone", "On Android and iOS install the app.", False),
        ("how do i install it on debian", "Any Linux has a package.", False),
        # What names no platform holds for all, or all are the same one.
        ("how do i update it on android", "Updates\nOpen the menu.", False),
        ("will it start with windows", "Close the windows that are open.", False),
    ],
)
def test_what_holds_for_one_platform_is_no_answer_for_another(
    question: str, text: str, lacks: bool
) -> None:
    assert names_other_platform(question, text) is lacks

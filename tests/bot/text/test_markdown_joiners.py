"""Joiners in what somebody wrote: kept where emoji and letters need them, and nowhere else."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.markdown import legible, plain, safe_markdown


@pytest.mark.parametrize("show", [safe_markdown, plain])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("👨\u200d👩\u200d👧\u200d👦", id="family"),
        pytest.param("👩🏽\u200d💻", id="colour"),
        pytest.param("🏳️\u200d🌈", id="rainbow"),
        pytest.param("❤️\u200d🔥 🧔🏿\u200d♂️", id="heart and beard"),
        pytest.param("🙂\u200d↔️ 🐈\u200d⬛", id="shaken head, black cat"),
        pytest.param("می\u200cخواهم", id="Persian: I want"),  # noqa: RUF001 - Persian
        pytest.param("خانه\u200cها", id="Persian: houses"),  # noqa: RUF001 - Persian
        pytest.param("۱۴۰۲ ه\u200d.ق", id="Persian: of the lunar year"),  # noqa: RUF001 - Persian
        pytest.param("क्\u200dष", id="Hindi: a half letter"),
        pytest.param("र\u200d्याम", id="Bengali, as it is typed"),
        pytest.param("র\u200d্যাম", id="Bengali: RAM"),
        pytest.param("ශ්\u200dරී ලංකා", id="Sinhala: Sri Lanka"),
        pytest.param("അവന്\u200d വന്നു.", id="Malayalam: he came"),
        pytest.param("അവന്\u200d", id="Malayalam: he"),
    ],
)
def test_what_joins_emoji_and_letters_stays(text: str, show: Callable[[str], str]) -> None:
    assert show(text).replace("\\", "") == text


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
@pytest.mark.parametrize("show", [safe_markdown, plain])
@pytest.mark.parametrize(
    "text",
    [
        "pay*pal",
        "*start",
        "end*",
        "a*.",
        "1*2",
        "*@everyone",
        "word* 👍",
        "👍*word",
        "我*们",
        "شما*x",
        "x*شما",
        "می**خواهم",
        "क्**ष",
        "क्*a",
        "https*://evil.org",
        "\u202e*",
        "👍*\u202e👍",
    ],
)
def test_what_joins_nothing_is_left_out(text: str, show: Callable[[str], str], joiner: str) -> None:
    assert joiner not in show(text.replace("*", joiner))


def test_one_joiner_joins_emoji() -> None:
    assert safe_markdown("👨\u200c👩 👍\u200d 🇩\u200d🇪 👍\u200d\u200d👍") == "👨👩 👍 🇩🇪 👍👍"


@given(st.text(st.sampled_from("ab.👨🏽️ह्مه \u200c\u200d\u200b\u202e")))
def test_joiners_never_repeat(text: str) -> None:
    once = legible(text)
    assert not re.search("[\u200c\u200d]{2}", once)
    assert legible(once) == once


@pytest.mark.parametrize("label", ["بانکه\u200d.ایران", "बैंकी.भारत", "बैंक.भारत"])
def test_any_scripts_address_hides_no_other(label: str) -> None:
    assert safe_markdown(f"[{label}](https://evil.org)") == f"{label} (<https://evil.org>)"

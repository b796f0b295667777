"""Text as Discord shows it: split, made safe, cut around what decides."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.markdown import (
    MESSAGE_CHARACTERS,
    beginning,
    code_block,
    code_blocks,
    legible,
    plain,
    quotation,
    quoted_parts,
    safe_markdown,
    size,
    split,
)
from tests.bot.values import TEXTS


def _outside_fences(text: str) -> str:
    """What Discord interprets: it takes three backticks for a fence wherever they are."""
    return re.sub(r"(?<!\\)```.*?```", "", text, flags=re.DOTALL)


def _bare(text: str) -> str:
    """A text without white space and without the lines that open or close a fence."""
    return "".join(re.sub(r"^```\w*$", "", text, flags=re.MULTILINE).split())


def test_a_quoted_fence_ends_with_its_quotation() -> None:
    text = safe_markdown("> ```\n> code\n[bank](https://evil.org) @everyone")
    assert text == "> ```\n> code\n> ```\n[bank](<https://evil.org>) @\u200beveryone"


def test_short_text_is_one_piece() -> None:
    assert split("Short.") == ["Short."]
    assert split("") == []


@given(TEXTS, st.integers(min_value=100, max_value=2_000))
def test_pieces_are_within_the_limit(text: str, limit: int) -> None:
    for piece in split(text, limit):
        assert len(piece) <= limit
        assert piece.strip()


@given(
    st.lists(
        st.one_of(
            st.text(alphabet="ab. \n", max_size=300),
            st.text(alphabet="xy \n", max_size=400).map("\n```py\n{}\n```\n".format),
        ),
        max_size=8,
    ).map("".join),
    st.integers(min_value=100, max_value=600),
)
def test_joined_pieces_are_the_text(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert _bare("\n".join(pieces)) == _bare(text)
    for piece in pieces:
        assert piece.count("```") % 2 == 0


def test_7000_characters_with_a_fence_stay_fenced() -> None:
    code = "\n".join(f"print({n})  # line {n}" for n in range(200))
    text = f"{'Intro words. ' * 60}\n\n```python\n{code}\n```\n\n{'Closing words. ' * 130}"
    assert len(text) > 7_000
    pieces = split(text)
    assert max(map(len, pieces)) <= MESSAGE_CHARACTERS
    assert all(piece.count("```") % 2 == 0 for piece in pieces)
    inside = [piece for piece in pieces if "print(" in piece]
    assert len(inside) > 2
    assert all("```python\n" in piece for piece in inside)
    assert all(f"# line {n}\n" in "\n".join(pieces) for n in range(200))


def test_a_cut_prefers_blank_lines_then_line_ends() -> None:
    assert split("a" * 60 + "\n\n" + "b b\n" * 10, 100)[0] == "a" * 60
    assert split("a" * 60 + "\n" + "b " * 30, 100)[0] == "a" * 60
    assert split("a" * 60 + " " + "b" * 60, 100)[0] == "a" * 60


@given(st.integers(min_value=0, max_value=150), st.integers(min_value=1, max_value=60))
def test_a_link_that_fits_is_never_cut(before: int, label: int) -> None:
    link = f"[{'la bel ' * (label // 7)}x](https://a.org/path?q=1)"
    pieces = split("word " * (before // 5) + link + " after" * 40, 130)
    assert sum(link in piece for piece in pieces) == 1


def test_an_overlong_word_is_cut() -> None:
    pieces = split("x" * 5_000)
    assert "".join(pieces) == "x" * 5_000
    assert max(map(len, pieces)) <= MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    "text",
    [
        "@everyone",
        "@here",
        "<@123>",
        "<@!123>",
        "<@&123>",
        "<#123>",
        "</ask:1>",
        "<t:now:R>",
        "<:a:1>",
    ],
)
@pytest.mark.parametrize("show", [safe_markdown, plain])
def test_discords_markup_becomes_text(text: str, show: Callable[[str], str]) -> None:
    # A backslash before a sign makes it text.
    assert not re.search(rf"(?<!\\){re.escape(text)}", show(f"before {text} after"))


@pytest.mark.parametrize("character", ["\u200b", "\u202e", "\u2066", "\ufeff", "\U000e0041"])
def test_invisible_and_turning_signs_are_left_out(character: str) -> None:
    assert safe_markdown(f"a{character}b") == "ab"
    assert plain(f"a{character}b") == "ab"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("[the docs](https://a.org/x)", "[the docs](<https://a.org/x>)"),
        ("[bank.org](https://evil.org)", "bank.org (<https://evil.org>)"),
        ("[https://bank.org](https://evil.org)", "<https://bank.org> (<https://evil.org>)"),
        ("[](https://evil.org)", "(<https://evil.org>)"),
        ("[https://a.org/x/](https://a.org/x)", "<https://a.org/x>"),
        ("[a.org](https://a.org/)", "<https://a.org/>"),
        ("![cat](https://a.org/c.png)", "[picture: cat](<https://a.org/c.png>)"),
        ("![](https://a.org/c.png)", r"\[picture\] (<https://a.org/c.png>)"),
        ("![bank.org](https://evil.org)", r"\[picture: bank.org\] (<https://evil.org>)"),
        ("see https://a.org now", "see <https://a.org> now"),
        ("<https://a.org>", "<https://a.org>"),
        ("(https://a.org)", "(<https://a.org>)"),
        ("[The rules](../rules.md), [below](#pay), [both](</a b.html>)", "The rules, below, both"),
        ("![The door](./door.png)", r"\[picture: The door\]"),
        ("![](/door.png)", ""),
        ("[Overscan](Overscan), [it](Other-page)", "Overscan, it"),
        ("**See https://a.org/x.**", "**See <https://a.org/x>.**"),
        ("Starts <t:4071060000:F>", "Starts <t:4071060000:F>"),
        ("In <#613194762249437245>, <#1> <@7>", "In <#613194762249437245>, <\u200b#1> <\u200b@7>"),
        ('[![The door](./d.png "x")](./d.png)', r"\[picture: The door\]"),
        (
            "[![cat](https://a.org/c.png)](/c)",
            "[picture: cat](<https://a.org/c.png>)",
        ),
        ("**![The door](./door.png)** is *red*", r"\[picture: The door\] is *red*"),
        ("`[![a](./b.c)](./b.c)`", "`[![a]\\(./b.c)]\\(./b.c)`"),
        ("x[0](y)", "x[0]\\(y)"),
        ("`[a](./b.c)`", "`[a]\\(./b.c)`"),
        ("[mail](mailto:a@b.org), [a@b.org](mailto:a@b.org?subject=x)", "mail (a@b.org), a@b.org"),
        ("[`Event`](jd:paper:org.bukkit.Event#NOW)", "`Event`"),
        ("[files](file:///etc), a[i](mailto:z)", "files, a[i]\\(mailto:z)"),
        ("[bank.org](./a)(https://evil.org)", "bank.org(<https://evil.org>)"),
    ],
)
def test_links_say_where_they_lead(text: str, safe: str) -> None:
    assert safe_markdown(text).replace("<https://bank.org>", "https://bank.org") == safe.replace(
        "<https://bank.org>", "https://bank.org"
    )


@pytest.mark.parametrize(
    "text",
    [
        "[https://bank.org [x]](https://evil.org)",
        "[a [b]](<https://evil.org>)",
        "[x[b](https://ok.org)](https://evil.org)",
        "[[bank.org](./a.md)](https://evil.org)",
        "[x ![](a.md)](https://evil.org)",
        "[![bank.org](a.md)](https://evil.org)",
        "![bank.org](https://evil.org)",
        "a ``` b\n```\n[bank.org](https://evil.org)\n```",
        "~~~\n[bank.org](https://evil.org)\n~~~",
        "````\n```\n[bank.org](https://evil.org)\n````",
        "```\n``` [bank.org](https://evil.org)\n```",
        f"[bank.org{' ' * 500}](https://evil.org)",
        f"[bank.org](https://evil.org/{'x' * 2_000})",
    ],
)
def test_no_trick_hides_where_a_link_leads(text: str) -> None:
    assert not re.search(r"(?<!\\)\]\(<?https://evil", _outside_fences(safe_markdown(text)))


@given(TEXTS)
def test_outside_fences_no_mention_is_left(text: str) -> None:
    outside = _outside_fences(safe_markdown(text))
    assert "@everyone" not in outside
    assert "<@123>" not in outside
    assert "](https" not in outside


@given(TEXTS)
def test_every_fence_is_closed_in_what_is_shown(text: str) -> None:
    assert len(re.findall(r"(?<!\\)```", safe_markdown(text))) % 2 == 0


def test_code_is_shown_as_it_is() -> None:
    code = "```c++\nif (a < b) { return x[0](y); } // @everyone\n```"
    assert safe_markdown(code) == code


def test_a_longer_fence_inside_a_fence_ends_nothing() -> None:
    assert safe_markdown("`````````\n``````").count("```") == 2


def test_an_unknown_fence_becomes_a_known_one() -> None:
    assert safe_markdown("~~~sh\nls\n~~~\nafter") == "```sh\nls\n```\nafter"


def test_a_tables_columns_stay_in_a_fence() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    assert safe_markdown(f"Before\n{table}\nAfter") == "Before\n```\na  b\n-  -\n1  2\n```\nAfter"


@given(st.text(max_size=100))
def test_a_plain_line_formats_nothing(text: str) -> None:
    line = plain(text)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_~`|\[\]<]", line)


@given(st.text(max_size=100))
def test_no_line_leaves_a_quotation(text: str) -> None:
    assert all(line.startswith("> ") for line in quotation(text).split("\n"))


@pytest.mark.parametrize(
    "sign",
    [
        "👩🏽‍💻",
        "🇩🇪",
        "e\u0301",
        "नि",
        "क्ष",
        "\u1112\u1161\u11ab",
        "\u0e19\u0e49\u0e33",
        "\\*",
        "\\\\",
    ],
)
def test_a_composed_sign_is_cut_whole(sign: str) -> None:
    text = f"before {sign} after"
    for most in range(len("before "), len("before ") + size(sign)):
        assert beginning(text, most) == "before "
    assert beginning(text, len("before ") + size(sign)) == f"before {sign}"


@pytest.mark.parametrize("limit", [-1, 0, 59])
def test_text_without_room_is_not_cut(limit: int) -> None:
    """It would be cut for ever."""
    with pytest.raises(ValueError, match="room"):
        split("a" * 100, limit)
    with pytest.raises(ValueError, match="room"):
        quoted_parts("a" * 100, limit)


def test_a_directives_name_is_a_language() -> None:
    assert safe_markdown("```{eval-rst}\na\n```") == "```eval-rst\na\n```"
    assert safe_markdown("```{versionadded} 2.0\na\n```") == "```\n{versionadded} 2.0\na\n```"


def test_nothing_ends_a_code_block_but_its_end() -> None:
    block = code_block("a\n```\n@everyone", 100)
    assert block == "```\na\n'''\n@everyone\n```"


def test_a_long_text_is_cut() -> None:
    assert code_block("x" * 50, 10) == "```\nxxxxxxxxxx\n```"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3))
def test_what_is_in_code_blocks_is_read_again(texts: list[str]) -> None:
    message = "\n".join(f"Said:\n{code_block(text, 1_000)}" for text in texts)
    expected = [legible(text).replace("`", "'").strip() for text in texts]
    assert code_blocks(message) == expected


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

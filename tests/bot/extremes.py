"""What somebody may type to break what is shown, and how one sees whether it did."""

import itertools
import re
import unicodedata
from typing import Final

from hypothesis import strategies as st

from tests.bot.strictness import units

EXTREMES: Final = {
    "emoji": "\U0001f600" * 4_000,
    "families": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 800,
    "hands of many colours": "\U0001f44b\U0001f3fe" * 2_000,
    "flags": "\U0001f1e9\U0001f1ea" * 2_000,
    "marks upon marks": "a" + "\u0301" * 4_000,
    "accents of two signs": "e\u0301" * 3_000,
    "nothing that can be seen": "x\u200b\u200c\ufeff\u2060" * 1_000,
    "turned round": "\u202e\u2066abc\u2069 " * 500,
    "right to left": "שלום עליכם " * 500,
    "backticks": "`" * 4_000,
    "backticks with text": "`` a ` b ``` c ```` d\n" * 250,
    "fences": "```py\nx = 1\n" * 400,
    "a fence in a quotation": "> ```\n> code\n" * 300,
    "a long line": "word" * 1_500,
    "a long line in a fence": f"```\n{'x' * 5_900}\n```",
    "links": "https://a.org/path " * 300,
    "masked links": "[bank.org](https://evil.org/x) " * 180,
    "a long link": f"https://a.org/{'x' * 5_900}",
    "pings": "@everyone @here <@1> <@&1> <#1> " * 150,
    "times and commands": "<t:now:R> </ask:0> <id:home> <:a:1> <a:b:2> " * 120,
    "headings": "# Big\n## Less\n-# small\n" * 250,
    "spoilers": "||a|| | b || c\n" * 350,
    "a table": "| a | b |\n|---|---|\n" * 280,
    "quotations in quotations": "> > >>> deep\n" * 400,
    "marks that open only": "**a __b ~~c *d _e ||f `g\n" * 200,
    "backslashes": "\\" * 4_000,
    "brackets": "[](" * 1_500,
    "lines of nothing": "a" + "\n" * 4_000 + "b",
    "white space of all kinds": "\u00a0\u2003\u3000\u2028\u2029a" * 800,
    "control signs": "\x00\x01\x1b[31mred\x7f\r" * 400,
    "half a pair": "a\ud83d" * 1_000,
    "marks all over": "".join(f"a\u0351\u036b\u0353b\u032a{chr(0x0300 + n)}" for n in range(100)),
}

# Any of them, a part of one, or several beside each other.
TEXTS: Final = st.lists(
    st.tuples(st.sampled_from(sorted(EXTREMES.values())), st.integers(1, 6_000)).map(
        lambda pair: pair[0][: pair[1]]
    ),
    min_size=1,
    max_size=3,
).map("".join)


def at_most(characters: int) -> st.SearchStrategy[str]:
    """Extreme texts that something takes which takes so many characters."""
    return TEXTS.map(lambda text: f"x{text}"[:characters])


def badly_shown(content: str, most: int = 2_000) -> list[str]:
    """What is wrong with a message of extreme texts, which may have so many characters."""
    found = []
    if not content.strip():
        found.append("nothing is shown")
    if units(content) > most:
        found.append(f"{units(content)} characters")
    if content.replace("\\`", "").count("```") % 2:
        found.append("a fence is left open")
    if re.search("[\ud800-\udfff\0]", content):
        found.append("a sign that is none")
    outside = re.sub(r"(?<!\\)```.*?```", "", content, flags=re.DOTALL)
    if re.search(
        r"(?<!\\)(@(everyone|here)|<@&?1>|<#1>|<t:now:R>|</ask:0>|<id:home>|<a?:\w:\d>)", outside
    ):
        found.append("something is a mention, a time or a command")
    if re.search("[\u202a-\u202e\u2066-\u2069]", content):
        found.append("text is turned round")
    return found


def badly_cut(text: str, pieces: list[str]) -> list[str]:
    """Where what is seen as one sign in a text is cut between two pieces of it."""
    found = []
    for before, after in itertools.pairwise(pieces):
        ending = re.sub(r"\n(> )?```$", "", before)
        tail = ending[-1:]
        head = re.sub(r"^(> )?```\w*\n", "", after).removeprefix("> ")[:1]
        heaped = all(unicodedata.category(sign).startswith("M") for sign in ending[-30:])
        if not head or heaped or tail + head not in text:
            continue
        if unicodedata.category(head).startswith("M") or "\u200d" in (head, tail):
            found.append(f"{before[-5:]!r} {after[:5]!r}")
        if (len(ending) - len(ending.rstrip("\\"))) % 2 and not head.isspace():
            found.append(f"what a backslash makes plain is no longer: {after[:5]!r}")
        if "\U0001f3fb" <= head <= "\U0001f3ff":
            found.append(f"a hand loses its colour: {after[:5]!r}")
        letters = re.search("[\U0001f1e6-\U0001f1ff]*$", ending)
        if "\U0001f1e6" <= head <= "\U0001f1ff" and letters and len(letters[0]) % 2:
            found.append(f"a flag is torn: {after[:3]!r}")
    return found

"""Pieces of text that are repeated to see what reading them costs: see `tests/pumping.py`.

What stands in ⟨ ⟩ is repeated, what is around it is there once; of two pieces with ¦ between them,
the first fills the first half of a text.
"""

import re
from types import ModuleType
from typing import Any, Final

FRAGMENTS: Final = (
    "!", "\"", "#", "$", "%", "&", "'", "(", ")", "*", "+", ",", "-", ".", "/", ":", ";", "<", "=",
    ">", "?", "@", "[", "\\", "]", "^", "_", "`", "{", "|", "}", "~", "…", "”", "»", "‘", "—",
    "\u3002", "\uff01", "\uff1f", "\u300c", "\uff09", " ", "\t", "\n", "\r\n", " \n", "\n ",
    "\t\n", "  \n", "\n\n", "\xa0", "\u2028", "\x1c", "    \n", "\\\n", "a", "1", "1 ", "a ", "1.",
    "ab1", "ß", "İ", "é", "e\u0301", "\u0301", "\u0300\u0301", "a\u0308 ", "\u200b", "\u200d",
    "\u202e", "\u2066", "\u2069", "\ufeff", "\xad", "\U000e0061", "\ufffd", "\x00", "中", "中文 ",
    "한", "\u0627", "😀", "👨\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "a中", ". ", ".\n", "?! ", "a. ",
    "e.g. ",
    "z.B. ", "1. ", ".) ", ".a", "a.b", "Mr. ", "a, ", "a-", "don't ", "The model is not free. ",
    "not ", "5 GB ", "12:30 ", "1 May 2024 ", "1,000.5 ", "v1.2.3 ", "--flag ", "a/b ", "](", "[]",
    "[a](b) ", "![", "![](", "![a](b)", "[![", "[a](", "[a]: b\n", "[^1]", "**", "**a", "**a** ",
    "*a ", "||a||", "``", "```", "```\n", "~~~\n", "```\na\n```\n", "> ", "> a\n", "# ", "# a\n",
    "#a ", "a\n=\n", "a\n-\n", "- ", "- a\n", "1. a\n", "- [ ] a\n", "| a ", "| a | b |\n",
    "|-|\n", "|:-", "a|b\n", "    a\n", "---\n", "\\a", ":a:", "- > ", "http://", "https://a.b/ ",
    "https://a.b/(", "a@b.c ", "a@", "@a ", "<@1> ", "<:a:1>", "@everyone ", "a.b.c.", "a=",
    "key=a", "key: \"", "Bearer a", "-----BEGIN ", "<a>", "<a ", "<a href=\"", "<b>a", "<!--",
    "-->", "<!", "<![CDATA[", "&amp;", "&#", "&#1;", "<br>", "<p>", "<div>", "<table><tr><td>",
    "<pre>", "<script>", "</", "<a b=c ", "{{", "{%", "{% a %}", "{\"a\":", "[1,", "\"a\",",
    "a: b\n", "- a: b\n", "&a ", "*a\n", ":ref:`", "`a <b>`_", "=== \n", ":::", "$$", "\\(", "<|",
    "[INST]", "ignore previous ", "[1/1/24 1:00 AM] a\n", "{Attachments}\n", "(attached: ",
    "deleted_user_", "@@ -1 +1 @@\n", "+a\n", "a,b\n", "\"a\n", "%20", "../", "#a", "[¦]", "(¦)",
    "[¦](", "![¦](", "<¦>", "`¦``", "*¦_", " ¦\n", "\n¦ ", "{¦}", "\"¦'", "a¦ ", "1¦.", ".¦)",
    "<b>¦</b>", "```\n¦~~~\n", "[a](¦)", "> ¦\n", "- a\n¦  b\n", "  - a\n¦a", "\u27e8 \u27e9a",
    "a\u27e8 \u27e9a", "a\u27e8\n\u27e9a", "a\u27e8\t\u27e9a", "a\u27e8-\u27e9a", "`\u27e8[\u27e9",
    "a:\u27e8 \u27e9b", "[\u27e8a\u27e9", "[\u27e8 \u27e9](", "[a](\u27e8 \u27e9",
    "[a](\u27e8a\u27e9", "[a](http://\u27e8a \u27e9", "<\u27e8a\u27e9", "<a \u27e8a=\u27e9",
    "<!--\u27e8-\u27e9", "http://\u27e8a\u27e9 ", "http://\u27e8a.\u27e9", "a@\u27e8a.\u27e9",
    "@\u27e8a\u27e9!", "*\u27e8a \u27e9", "**\u27e8a\u27e9*", "```\u27e8a\u27e9",
    "```\u27e8`\u27e9a", "~~~\u27e8\n\u27e9a", "# \u27e8#\u27e9a", "# \u27e8 \u27e9a",
    "# a\u27e8 #\u27e9b", "|\u27e8-\u27e9a", "|\u27e8a|\u27e9\n", "> \u27e8> \u27e9a",
    "- \u27e8- \u27e9a", "1\u27e81\u27e9a", "1\u27e80\u27e9.", "1\u27e8,0\u27e9a",
    "1\u27e8 \u27e9a", "a\u27e8.a\u27e9", "a\u27e8_a\u27e9", "a\u27e8-a\u27e9!", "\"\u27e8a\u27e9",
    "'\u27e8a \u27e9", "(\u27e8a\u27e9", "(\u27e8(a\u27e9", "not \u27e8a \u27e9",
    "if \u27e8a \u27e9", "because \u27e8a, \u27e9", "below \u27e8a\u27e9",
    "the following \u27e8a \u27e9", "https://a.b/\u27e8a/\u27e9", "https://a.b/?\u27e8a=b&\u27e9",
    "key = \u27e8a\u27e9!", "---\n\u27e8a: b\n\u27e9---\n", "---\na: \u27e8[\u27e9",
    "---\na: \u27e8{a: \u27e9", "{\"a\": \u27e8[\u27e9", "{\"a\": \"\u27e8a\u27e9",
    "<a href=\"\u27e8a\u27e9", "<pre>\u27e8\n\u27e9", "ha\u27e8ha\u27e9!", "x\u27e8x\u27e9d",
    "(attached: \u27e8a\u27e9", "how \u27e8\n\u27e9a", "{% \u27e8a\u27e9", "{{ \u27e8a\u27e9",
    ":a:`\u27e8a\u27e9", "a \u27e8`\u27e9", "__\u27e8a\u27e9", "||\u27e8a\u27e9",
    "~~\u27e8a\u27e9", "![a](\u27e8(\u27e9", "<http://\u27e8a\u27e9", "<@\u27e81\u27e9",
    "```\n\u27e8a\n\u27e9~~~", "- a\n\u27e8  - a\n\u27e9b", "a\n\u27e8\n\u27e9b",
    "a \u27e8\n \u27e9b", "\u0301\u27e8\u0301\u27e9a", "a\u27e8\u200b\u27e9a",
)  # fmt: skip


def pumped(fragment: str, characters: int) -> str:
    """A text of so many characters that is one piece again and again.

    What stands before and behind `…` in the piece is there once, what stands behind `¦` in the
    second half of the text.
    """
    before, repeated, behind = _parts(fragment)
    halves = repeated.split("¦")
    each = max(characters // len(halves), 1)
    return before + "".join((half * (each // len(half) + 1))[:each] for half in halves) + behind


def _parts(fragment: str) -> tuple[str, str, str]:
    parts = fragment.split("⟨")
    if len(parts) == 1:
        return "", fragment, ""
    repeated, _, behind = parts[1].partition("⟩")
    return parts[0], repeated, behind


# What a pattern may have at most so often is no pump.
_OFTEN: Final = 30
# Of what stands before a repeated part, so many characters are kept.
_CONTEXT: Final = 40


def own_fragments(patterns: tuple[re.Pattern[str], ...]) -> list[str]:
    """What our own patterns look for: each whole, its halves, and what may repeat in it."""
    found = []
    for pattern in patterns:
        example, pumps = example_of(pattern)
        middle = len(example) // 2
        found += [example, example[:middle], example[middle:], *pumps]
    return list(dict.fromkeys(filter(None, found)))


def patterns_of(module: ModuleType) -> tuple[re.Pattern[str], ...]:
    return tuple(
        value
        for value in vars(module).values()
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str)
    )


def example_of(pattern: re.Pattern[str]) -> tuple[str, list[str]]:  # noqa: C901 - a list of kinds
    """A text that a pattern is likely to match, and fragments that repeat a part of it.

    Of alternatives, the first is taken. Each part that may be there without end is repeated behind
    what the pattern has before it.
    """
    from re import _constants as constants, _parser as parser  # noqa: I001

    pumps: list[str] = []

    def of(tree: Any, before: str) -> str:
        made = ""
        for operator, value in tree:
            made += of_one(operator, value, before + made)
        return made

    def of_one(operator: Any, value: Any, before: str) -> str:
        if operator is constants.LITERAL:
            return chr(value)
        if operator is constants.NOT_LITERAL:
            return "a" if value != ord("a") else "b"
        if operator is constants.ANY:
            return "a"
        if operator is constants.IN:
            return _one_of(value, constants)
        if operator is constants.BRANCH:
            branches = [of(branch, before) for branch in value[1]]
            return branches[0]
        if operator is constants.SUBPATTERN:
            return of(value[3], before)
        if operator is constants.ATOMIC_GROUP:
            return of(value, before)
        if operator in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            least, most, repeated = value
            one = of(repeated, before)
            if most > _OFTEN and one:
                pumps.append(f"{before[-_CONTEXT:]}⟨{one}⟩")
            return str(one * max(least, 1))
        return ""

    example = of(parser.parse(pattern.pattern, pattern.flags), "")
    return example[: 2 * _CONTEXT], pumps


def _one_of(items: Any, constants: Any) -> str:
    if items[0][0] is constants.NEGATE:
        refused = {chr(value) for operator, value in items if operator is constants.LITERAL}
        return next(sign for sign in "a b-;" if sign not in refused)
    operator, value = items[0]
    if operator is constants.LITERAL:
        return chr(value)
    if operator is constants.RANGE:
        return chr(value[0])
    kinds: dict[Any, str] = {constants.CATEGORY_DIGIT: "1", constants.CATEGORY_SPACE: " "}
    return kinds.get(value, "a")

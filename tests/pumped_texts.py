"""Pieces of text that are repeated to see what reading them costs: see `tests/pumping.py`.

What stands in ⟨ ⟩ is repeated, what is around it is there once; of two pieces with ¦ between them,
the first fills the first half of a text.
"""

from typing import Final

FRAGMENTS: Final = (
    "!", "\"", "#", "$", "%", "&", "'", "(", ")", "*", "+", ",", "-", ".", "/", ":", ";", "<", "=",
    ">", "?", "@", "[", "\\", "]", "^", "_", "`", "{", "|", "}", "~", "…", "”", "»", "‘", "—",
    "\u3002", "\uff01", "\uff1f", "\u300c", "\uff09", " ", "\t", "\n", "\r\n", " \n", "\n ",
    "\t\n", "  \n", "\n\n", "\xa0", "\u2028", "\x1c", "    \n", "\\\n", "a", "1", "1 ", "a ", "1.",
    "ab1", "ß", "İ", "é", "e\u0301", "\u0301", "\u0300\u0301", "\u0323\u0301", "a\u0308 ", "\u200b",
    "\u200d", "\u202e", "\u2066", "\u2069", "\ufeff", "\xad", "\U000e0061", "\ufffd", "\x00", "中",
    "中文 ",
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
    "(a)=\n", "{a}`b` ", "{a}`\u27e8b\u27e9", "```{a}\n", "```{a}\n```\n", "```{a}\n¦```\n",
    ":::{a}\n:b: c\n", "```{note}\n\u27e8    :a: |\n\u27e9", "```{list-table}\n\u27e8* - a\n\u27e9",
    "```{eval-rst}\n\u27e8.. a::\n\n\u27e9```\n", "/// a\n", "[[a]] ",
    "[[\u27e8a\u27e9", "##a\n", "***\n",
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

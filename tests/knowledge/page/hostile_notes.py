"""Notes that try to run, hide or break something on a page."""

from collections.abc import Iterator
from typing import Final

from knowledge.page.site import PublishedNote
from tests.knowledge.page.made_sites import note

TEXTS: Final = (
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title = 'taken'\">",
    "[click](javascript:document.title='taken') <javascript:alert(1)>",
    "[click](JaVaScRiPt&colon;document.title='taken')",
    "[click](data:text/html,<script>document.title='taken'</script>)",
    '[a](https://x.example "\\" onmouseover=\\"document.title=\'taken\'")',
    '![p](https://x.example/a.png "\\" onerror=\\"document.title=\'taken\'")',
    "![](data:image/svg+xml,<svg/onload=alert(1)>) [![a](b)](vbscript:msgbox)",
    "</article></main></body></html><h1>outside</h1>",
    "--></style></title></textarea><svg onload=document.title='taken'>",
    "\u202eesrever\u202c \u2066isolate \u2069\u200bhid\u200dden \U000e0041",
    "bell \x07, escape \x1b[31m, nul \x00, half \ud83d, line \u2028, page \x0c",
    "{{ site }} {% include 'base.html' %} {{ 7 * 7 }} %(name)s {0}",
    "]]> &lt;&#60;&amp; &nosuch; \\ <!-- <![CDATA[",
    "<" * 3_000,
    "[" * 3_000,
    "> " * 3_000 + "deep",
    "- " * 3_000 + "deep",
    "`" * 3_000,
    "|a" * 500 + "|\n" + "|-" * 500 + "|\n" + ("|b" * 500 + "|\n") * 20,
    "a" * 30_000,
    "# " + "word " * 5_000,
    "**" * 3_000 + "x",
    "<@123456789012345678> <@&12> <#34> <:blob:56> <a:dance:78> </ask:9> <t:1:R> <t:99999999999>",
    "@everyone https://user:password@x.example/?a=<b>&c=\"d\"'e'",
    "javascript:alert(1) //x.example/ http:/\\x.example \\\\x.example",
    '[r]: javascript:alert(1)\n\n[r] [s]\n\n[s]: <https://x.example/"onclick=alert(1)>',
    "~~~html\n</code></pre><script>document.title='taken'</script>\n~~~",
    "```\"><script>document.title='taken'</script>\ncode\n```",
)
TITLES: Final = (
    "<" * 100,
    "</title><script>document.title='taken'</script>",
    "\"><img src=x onerror=document.title='taken'>",
    "\u202etitle\u202c turned?",
    "{{ 7 * 7 }}{% raw %}",
    "</script><script>document.title='taken'</script>?",
    "]]><x/>",
    "[a](javascript:alert(1))",
)


def notes(after: int = 0) -> Iterator[PublishedNote]:
    """A note for each text, with numbers above `after`."""
    for number, text in enumerate(TEXTS, after + 1):
        title = TITLES[number % len(TITLES)]
        yield note(
            number,
            title,
            text,
            tags=("__proto__", "ⅷ", "ferry"),
            contributor=TITLES[(number + 1) % len(TITLES)],
            link="https://x.example/?q=\"'<b>&",
        )

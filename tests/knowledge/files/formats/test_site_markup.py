import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.files.formats.site_markup import (
    without_mdx,
    without_prose_fences,
    without_site_markup,
)
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes

BOX = """\
Before.

::: warning Please note
Only on Tuesdays.
:::

After.
"""

TABS = """\
=== "Windows"

    Run the installer.

    ```
    setup.exe
        /quiet
    ```

=== "Linux"

    !!! tip "Packages"
        Use yours.

Then start it.
"""

MENU = """\
Role | What
--- | ---
Visitor | Reads `a | b`
| Member | Writes
"""


PADDED = """\
| Name         | What  it does   |
| ------------ | :-------------- |
| `a  |  b`    | Opens           |
"""

FENCED = """\
```markdown
**1. Be kind.** Nobody is paid to be here. {}
```
"""
TALK = "We all want to sleep at night. Nobody reads long rules. " * 6


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("One.\n<!-- a picture, later -->\nTwo.", "One.\n\nTwo."),
        ("Old: <!-- 12 euros\na month --> free.", "Old: \n free."),
        ("`<!-- kept -->` and `<div>`", "`<!-- kept -->` and `<div>`"),
        ("```html\n<!-- kept -->\n<div></div>\n```", "```html\n<!-- kept -->\n<div></div>\n```"),
        ("Code:\n\n    <div>kept</div>", "Code:\n\n    <div>kept</div>"),
        ("1. Press\n\n    <b>Start</b>", "1. Press\n\n    **Start**"),
        ("<!-- never closed", "<!-- never closed"),
        (BOX, "Before.\n\n**Please note**\nOnly on Tuesdays.\n\n\nAfter.\n"),
        (":::danger[Read this]\nHot.\n:::", "**Read this**\nHot.\n"),
        ("::: tip\nWarm.\n:::", "\nWarm.\n"),
        (":::{.callout-note}\nWarm.\n:::", "\nWarm.\n"),
        (f"::: details {'long ' * 20}\nx\n:::", f"**{('long ' * 20).strip()}:**\nx\n"),
        (
            TABS,
            "**Windows**\n\nRun the installer.\n\n```\nsetup.exe\n    /quiet\n```\n\n"
            "**Linux**\n\n**Packages**\nUse yours.\n\nThen start it.\n",
        ),
        ("!!! Stop shouting\nin here.", "!!! Stop shouting\nin here."),
        ("> [!NOTE]\n> Quiet.", "\n> Quiet."),
        ("> [!TIP] Night\n> Quiet.", "> **Night**\n> Quiet."),
        ("!> Never twice.", "Never twice."),
        ("{% include 'footer.md' %}", ""),
        ('--8<-- "links.md"', ""),
        ("[[toc]]", ""),
        ("## Costs {#costs}", "## Costs {#costs}"),
        ("[Get it](https://a.example){ .button }", "[Get it](https://a.example)"),
        ("![a](b.png){ loading=lazy }", "![a](b.png)"),
        (
            "See [it][a], [B][] and `[c][a]`, x[0][1].\n\n[A]: https://a.example 'A'\n[b]: /b\n",
            "See [it](https://a.example), [B](/b) and `[c][a]`, x[0][1].\n\n\n\n",
        ),
        (
            "Run ```ls -l``` or ```` a`b ````.\n```x``` too.",
            "Run `ls -l` or ```` a`b ````.\n`x` too.",
        ),
        ("a | b\n--|--\n1 | 2\n  |", "| a | b |\n| --|-- |\n| 1 | 2 |\n"),
        ("A note.[^1]\n\n[^1]: It says more.", "A note.[^1]\n\n[^1]: It says more."),
        (
            MENU,
            "| Role | What |\n| --- | --- |\n| Visitor | Reads `a | b` |\n| Member | Writes |\n",
        ),
        (PADDED, "| Name | What  it does |\n| --- | :--- |\n| `a  |  b` | Opens |\n"),
        (f"```\n{PADDED}```", f"```\n{PADDED}```"),
        ("Press F5\\\nWait.\\\n\nDone.\\", "Press F5  \nWait.\n\nDone."),
        ("```sh\nmake \\\n  all\n```\nA \\\\\nB", "```sh\nmake \\\n  all\n```\nA \\\\\nB"),
        ("[it](https://a.example/b\\_c) d\\_e", "[it](https://a.example/b_c) d\\_e"),
        ("`](b\\_c)` <https://a.example/b\\_c>", "`](b\\_c)` <https://a.example/b_c>"),
        ("[![Door](./d.png 'x')](./d.png)", "![Door](./d.png 'x')"),
        ("[![Chat](https://a.example/b.svg)](https://b.example/c)", "[Chat](https://b.example/c)"),
        ("[![](https://a.example/b.svg)](https://b.example/c)", "![](https://a.example/b.svg)"),
        ("`[![a](b.png)](b.png)`", "`[![a](b.png)](b.png)`"),
        ("![type:video](https://a.example/v)", "https://a.example/v"),
        ("Rules\n──────────\nBe kind. ──", "Rules\n\nBe kind. ──"),
        ("```embed\nurl: https://a.example/x\n```", "\nhttps://a.example/x\n"),
        (FENCED.format(TALK), f"\n**1. Be kind.** Nobody is paid to be here. {TALK}\n\n"),
        (
            "<details><summary>More</summary>\n```\na\n```\nIt.\n</details>",
            "**More**\n```\na\n```\nIt.\n",
        ),
        ("this | that\n---\nA title above.", "this | that\n---\nA title above."),
        ("Press <kbd>F5</kbd>,<br>then <i>wait</i>.", "Press `F5`, then *wait*."),
        ("<p align=center>Hi</p>", "Hi"),
        ("Use !kick <user> or <name>.", "Use !kick <user> or <name>."),
        ("!trade <a> <b>", "!trade <a> <b>"),
        ('See <a href="https://a.example/x">it</a>.', "See [it](https://a.example/x)."),
        ('See <a name="top"></a>it.', "See it."),
        ('<img src="https://a.example/x.png" alt="Door">', "![Door](https://a.example/x.png)"),
        ("<img src='/x.png' alt='Door'>", "![Door](/x.png)"),
        ('<img src="/x.png" style="width:100%">', ""),
        ("<details><summary>More</summary>\nIt.\n</details>", "**More**\nIt.\n"),
        ("<video loop>\n<source src=x>\nNo video here.\n</video>Go.", "\n\n\nGo."),
        ('<Tabs>\n<TabItem label="Mac">\nx\n</TabItem>\n</Tabs>', "\n**Mac**\nx\n\n"),
        ("<h2 align=center>Rules</h2>", "## Rules"),
        ('<h5 ID="modem-331">Modem</h5>', "##### Modem {#modem-331}"),
        ("## ![Logo](/x.png) [Sodium](https://a.example) **now**", "## Sodium now"),
        ("## ![Logo](/x.png)", "## ![Logo](/x.png)"),
        ("## DEVICE\\_IN\\_USE", "## DEVICE_IN_USE"),
        ("## Restore { #put-back .wide }", "## Restore {#put-back}"),
        ("## Restore {: .wide }", "## Restore"),
        ("[mini], x[mini] [ ]\n\n[mini]: /b", "[mini](/b), x[mini] [ ]\n\n"),
        ("####Audio\n#a\n##1", "#### Audio\n#a\n##1"),
        ("/// info | Read this\n    open: yes\n\nHot.\n///", "**Read this**\n\n\nHot.\n"),
        ("***\nA.\n\n---\n* * *\n\nB\n---", "\nA.\n\n\n\n\nB\n---"),
        ("![Plan 2.png](a/b.png)", "![](a/b.png)"),
        ("``` ini\na\n```\n```js title=x {1}\n```", "```ini\na\n```\n```js\n```"),
        ("``` {.python .wide}\n```", "```python\n```"),
        ("[[Overscan]] [[it|The page]] `[[x]]`", "[Overscan](Overscan) [it](The-page) `[[x]]`"),
        ("[[a/b.png|alt=Door]] [[a#b|Label]]", "![Door](a/b.png) Label"),
        ("Less&nbsp;than &lt;5&gt; &unknown;", "Less\u00a0than <5> &unknown;"),
    ],
)
def test_what_a_page_would_show_is_what_is_left(written: str, shown: str) -> None:
    assert without_site_markup(written) == shown


PIECES = st.sampled_from(
    [
        *("word", " ", "\n", "\n\n", "    ", "`", "```", "<!--", "-->", "<b>", "</b>", "<img>"),
        *("<video>", "</video>", "::: tip", ":::", "!!! note", '=== "A"', "> [!NOTE]", "# A", "- "),
        *("\\\n", "```md\n", "```embed\n", "https://a.example", "───", "[![a](b)](c)"),
        *("|", "---", "|---|", "a | b", "&amp;", "<Tabs>", "</Tabs>", "{#a}", "[a](b)", "![](c)"),
        *("/// note | A\n", "    a: b\n", "***\n", "##a", "[[a|b]]", "![a.png](b)", "``` ini\n"),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_each_line_stays_the_line_that_it_was(text: str) -> None:
    assert without_site_markup(text).count("\n") == text.count("\n")


@given(st.text(st.characters(exclude_characters="<&|:!?>{[#`~=-\\─━/*_"), max_size=80))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert without_site_markup(text) == text


def test_a_file_is_read_without_its_markup() -> None:
    content = b"---\ntags: [a]\n---\n<!-- draft -->\n# <b>Rules</b>\n\nBe kind. <!-- or else -->\n"
    reading = parse_bytes(content, name="r.md")
    assert (reading.title, reading.first_line) == ("Rules", 4)
    assert reading.text == "\n# Rules\n\nBe kind. "


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<!--\n```\ncode\n```\n## Old\n-->\nText.", "Text."),
        ("Text.\n\n<!-- never closed", "Text.\n\n<!-- never closed"),
        ("```\n<!-- code\n-->\n```", "```\n<!-- code\n-->\n```"),
    ],
)
def test_a_comment_is_left_out_with_its_code(written: str, shown: str) -> None:
    assert parse_bytes(written.encode(), name="page.md").text.strip() == shown


def test_a_file_of_nothing_but_comments_cannot_be_read() -> None:
    with pytest.raises(UnreadableError, match="nothing but comments and markup"):
        parse_bytes(b"<!-- later -->\n", name="r.md")


MDX = """import Tabs from '@theme/Tabs';
import {a, b} from "./parts"

export const Box = ({children}) => (
  <b>{children}</b>
);

# Fishing {/* season */}

Cast at dawn.

```js
import kept from 'kept';
export const kept = 1;
```

import a map before you sail.
"""


def test_mdx_keeps_its_prose_and_lines() -> None:
    read = without_mdx(MDX)
    assert read.count("\n") == MDX.count("\n")
    assert [line for line in read.splitlines() if line.strip()] == [
        "# Fishing ",
        "Cast at dawn.",
        "```js",
        "import kept from 'kept';",
        "export const kept = 1;",
        "```",
        "import a map before you sail.",
    ]
    parsed = parse_bytes(MDX.encode(), name="fishing.mdx")
    assert (parsed.title, "Tabs" in parsed.text) == ("Fishing", False)


def test_components_of_mdx_leave_only_their_text() -> None:
    written = """# Colours

A picture <Image alt="shows `<red>The bot's name</red>`" src={Red} /> of it.

<Tabs>
  <Tab label="Bold">
    :::note

    Close the tag.

    :::
  </Tab>
</Tabs>
"""
    lines = parse_bytes(written.encode(), name="colours.mdx").text.splitlines()
    shown = [line.strip() for line in lines if line.strip()]
    assert shown == ["# Colours", "A picture  of it.", "**Bold**", "Close the tag."]


# Fences.


PROSE = "Nobody is paid to be here. Be kind to each other. " * 8


def _read(text: str) -> str:
    return "\n".join(without_prose_fences(text.split("\n")))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (f"A\n```markdown\n{PROSE}\n```\nB", f"A\n\n{PROSE}\n\nB"),
        (f"~~~~ MD\n{PROSE}\n~~~~", f"\n{PROSE}\n"),
        (f"```md\n{PROSE}\n<https://a.example>\n```", f"\n{PROSE}\n<https://a.example>\n"),
        ("```embed\nurl: https://a.example/x\n```", "\nhttps://a.example/x\n"),
        ("```embed\nhttps://a.example/x\ntitle: X\n```", "\nhttps://a.example/x\n\n"),
    ],
)
def test_a_fence_around_what_is_no_code_is_gone(written: str, read: str) -> None:
    assert _read(written) == read


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{PROSE}\n```",
        f"```python\n{PROSE}\n```",
        "```markdown\n![alt](https://a.example/b.gif)\n```",
        "```markdown\nShort. Text.\n```",
        f"```markdown\n# How to write a heading\n{PROSE}\n```",
        f"```markdown\n{PROSE}\nSee [the rules](rules.md).\n```",
        f"```markdown\n{PROSE}\n<details>\n```",
        f"````\n```markdown\n{PROSE}\n```\n````",
        f'```md title="x"\n{PROSE}\n```',
        f"```markdown\n{PROSE}",
        "```embed\nurl: https://a.example\nimage: https://b.example\n```",
        "```embed\nnothing\n```",
        "Plain.",
        "",
    ],
)
def test_any_other_fence_stays(text: str) -> None:
    assert _read(text) == text

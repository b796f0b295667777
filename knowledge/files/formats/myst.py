"""Reader of MyST, Sphinx's Markdown: directives, roles and targets become plain Markdown.

Each line keeps its number, except behind a part in reStructuredText that becomes longer. Directives
are shown by the rules of `sphinx_markup`. Nothing else is a reason to take a text for MyST: a text
without directives, roles and targets stays as it is.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from knowledge.files.formats.sphinx_markup import (
    Shown,
    directive_name,
    display,
    label_words,
    language_of,
    role_words,
    title_of,
    version_of,
)

# Deeper directives stay as written.
MAX_DEPTH: Final = 8
# The most lines of an option's text.
_OPTION_LINES: Final = 20

_LEAD: Final = r"(?P<lead>[ \t]{0,40}(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,8}){0,3}(?:>[ \t]{0,4}){0,3})"
_MARK: Final = r"(?P<mark>`{3,40}|~{3,40}|:{3,40})"
_DIRECTIVE: Final = re.compile(
    rf"{_LEAD}{_MARK}[ \t]{{0,9}}\{{(?P<name>[A-Za-z][\w:.+-]{{0,60}})[^}}\n]{{0,200}}\}}"
    r"(?P<argument>[^\n]*)\Z"
)
_FENCE: Final = re.compile(rf"{_LEAD}{_MARK}(?P<rest>[^\n]*)\Z")
_OPTION: Final = re.compile(r"[ \t]{0,40}+:(?P<key>[A-Za-z][\w-]{0,60}):(?P<value>[ \t][^\n]*)?\Z")
_OPTIONS_AROUND: Final = re.compile(r"[ \t]{0,40}+---[ \t]*\Z")
_YAML: Final = re.compile(r"[ \t]{0,40}+(?P<key>[A-Za-z][\w-]{0,60}):(?P<value>[ \t][^\n]*)?\Z")
_TARGETS: Final = re.compile(r"[ \t]*\((?P<label>[^()\s][^()\n]{0,200})\)=[ \t]*\Z")
_HEADING: Final = re.compile(r"[ \t]{0,12}#{1,6}[ \t]++(?P<words>[^\n]*)\Z")
# A comment, the end of a block, or attributes of the next block.
_UNSEEN: Final = re.compile(
    r"(?:%(?:[ \t][^\n]*)?|(?:\+\+\+|\^\^\^)[^\n]*|[ \t]*\{[.#][^{}\n]{1,200}\}[ \t]*)\Z"
)
# Code, a role, a substitution, a link without words, a link within the project.
_INLINE: Final = re.compile(
    r"(?<!`)``(?!`)(?:[^`]|`(?!`)){1,120}``(?!`)|(?<![`}])`(?!`)[^`]{1,120}`(?!`)"
    r"|\{(?P<name>[A-Za-z][\w:.+-]{0,40})\}(?P<marks>`{1,2})(?!`)(?P<text>[^`]{1,200})(?P=marks)"
    r"|\{\{[ \t]{0,3}(?P<substituted>[A-Za-z]\w{0,60})[^{}\n]{0,60}\}\}"
    r"|(?<!!)\[(?P<label>[^\[\]\n]{0,100})\]\(<?(?P<target>[^()<>\s]{1,200})>?\)"
    r"|<(?P<bare>(?:inv|project|path):[^<>\s]{1,200})>"
)
_PROJECT: Final = re.compile(r"(?:inv|project|path|myst):")
_ROW: Final = re.compile(r"[ \t]{0,40}[*-][ \t]{1,8}[*-](?:[ \t]++(?P<cell>[^\n]*))?\Z")
_CELL: Final = re.compile(r"[ \t]{1,40}[*-](?:[ \t]++(?P<cell>[^\n]*))?\Z")
_EXTERNAL: Final = ("http://", "https://")


class _Directive(NamedTuple):
    """A directive: its first line, its body's first line and the line behind its last."""

    first: int
    lead: str
    name: str
    argument: str
    options: Mapping[str, str]
    body: tuple[int, int]


def without_myst(text: str) -> str:
    """Convert a MyST text to Markdown; any other text stays as it is."""
    if "{" not in text and ")=" not in text:
        return text
    lines = text.split("\n")
    is_myst = any(match["name"] for match in _INLINE.finditer(text)) or any(
        ("{" in line and _DIRECTIVE.match(line)) or (")=" in line and _TARGETS.match(line))
        for line in lines
    )
    return "\n".join(_read(lines, _titles(lines), 0)) if is_myst else text


def _titles(lines: Sequence[str]) -> dict[str, str]:
    """The headings of a text, by the targets above them."""
    titles: dict[str, str] = {}
    waiting: list[str] = []
    for line in lines:
        if (target := _TARGETS.match(line)) is not None:
            waiting.append(target["label"].casefold())
        elif waiting and line.strip():
            if (heading := _HEADING.match(line)) is not None:
                [words] = _prose([heading["words"]], {})
                titles |= dict.fromkeys(waiting, words.replace("`", ""))
            waiting = []
    return titles


def _read(lines: Sequence[str], titles: Mapping[str, str], depth: int) -> list[str]:
    """The Markdown of lines; in a directive (`depth` above 0), headings are bold."""
    read: list[str] = []
    prose: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        is_fence = "```" in line or "~~~" in line or ":::" in line
        fence = _FENCE.match(line) if is_fence else None
        end = _end(lines, place, fence) if fence is not None else place
        if fence is None or (fence["mark"][0] == ":" and not _DIRECTIVE.match(line)):
            prose.append(_line(line, depth))
            place += 1
            continue
        read += _prose(prose, titles)
        prose = []
        directive = _directive(lines, place, end) if depth < MAX_DEPTH else None
        if directive is None:
            read += lines[place : end + 1]
        else:
            read += _read_directive(lines, end, directive, titles, depth)
        place = end + 1
    return read + _prose(prose, titles)


def _end(lines: Sequence[str], first: int, fence: re.Match[str]) -> int:
    """The number of the line that ends a fence; the last line if none does."""
    mark = fence["mark"]
    if mark[0] == "`" and "`" in fence["rest"]:
        return first
    most = len(fence["lead"]) + 3
    for place in range(first + 1, len(lines)):
        if _is_end(lines[place], mark, most):
            return place
    return len(lines) - 1


def _is_end(line: str, mark: str, most: int) -> bool:
    """Whether a line, indented by at most `most` characters, closes the fence `mark`."""
    stripped = line.strip(" \t>")
    if not stripped.startswith(mark) or stripped.strip(mark[0]):
        return False
    return len(line) - len(line.lstrip(" \t>")) <= most


def _directive(lines: Sequence[str], first: int, end: int) -> _Directive | None:
    found = _DIRECTIVE.match(lines[first])
    if found is None:
        return None
    closes = end > first and _is_end(lines[end], found["mark"], len(found["lead"]) + 3)
    place, last = first + 1, end if closes else end + 1
    around = [i for i in range(place, last) if _OPTIONS_AROUND.match(lines[i])][:2]
    if len(around) == 2 and around[0] == place:
        start = around[1] + 1
        matched = [_YAML.match(line) for line in lines[place:start]]
    else:
        start = next((i for i in range(place, last) if not _is_option(lines, i, place)), last)
        matched = [_OPTION.match(line) for line in lines[place:start]]
    options = {
        option["key"]: (option["value"] or "").strip(" \t\"'") for option in matched if option
    }
    argument = found["argument"].strip()
    return _Directive(first, found["lead"], found["name"], argument, options, (start, last))


def _is_option(lines: Sequence[str], place: int, first: int) -> bool:
    """Whether a line is an option, or the text of one that is written below it."""
    if _OPTION.match(lines[place]):
        return True
    above = place - 1
    while above >= first and above > place - _OPTION_LINES and lines[above].startswith("  "):
        above -= 1
    is_below = lines[place].startswith("  ") and above >= first
    return is_below and lines[above].rstrip().endswith((": |", ": >"))


def _read_directive(
    lines: Sequence[str], end: int, directive: _Directive, titles: Mapping[str, str], depth: int
) -> list[str]:
    """The lines of a directive, as many as it had."""
    first, (start, last) = directive.first, directive.body
    body, lead = lines[start:last], directive.lead
    name = directive_name(directive.name)
    head, tail = [""] * (start - first), [""] * (end + 1 - last)
    if name in _CONVERTED:
        return _pad(lead, _prose(_CONVERTED[name](directive, body), titles), end + 1 - first)
    if name in ("image", "figure"):
        # A picture of the page's own without a description is left out.
        alt = directive.options.get("alt", "").replace("[", "(").replace("]", ")")
        source = directive.argument.split(" ")[0]
        head[0] = f"{lead}![{alt}]({source})" if alt or source.startswith(_EXTERNAL) else lead
        return [*head, *_read(body, titles, depth + 1), *tail]
    shown = display(directive.name, directive.argument, body)
    if shown is Shown.NOTHING:
        return [lead.rstrip(), *[""] * (end - first)]
    if shown is Shown.CODE:
        return _code(directive, body, end + 1 - first)
    argument = _prose([directive.argument], titles)[0]
    if shown is Shown.VERSION:
        head[0] = version_of(directive.name, argument)
    elif shown is Shown.SIGNATURE:
        head[0] = f"`{directive.argument}`" if directive.argument else ""
    elif shown is Shown.TITLED or name.startswith("see"):
        title = title_of(directive.name, argument).replace("*", "").strip()
        head[0] = f"**{title}**" if title else ""
    elif argument and name not in ("only", "ifconfig", "tab-set", "grid", "grid-item", "div"):
        head[0] = argument
    head[0] = lead + head[0]
    if name == "glossary":
        # A term in bold, or its definition without indent or colon.
        body = [
            f"**{line.strip()}**"
            if line.strip() and not line.startswith((" ", "\t", ":", "`"))
            else line.lstrip(" \t").removeprefix(": ")
            for line in body
        ]
    return [*head, *_read(body, titles, depth + 1), *tail]


def _code(directive: _Directive, body: Sequence[str], size: int) -> list[str]:
    """A directive's body as a code block, in `size` lines."""
    if not any(line.strip() for line in body):
        return [""] * size
    runs = (run for line in body for run in re.findall("`{3,}", line))
    mark = max(("`" * 3, *(f"{run}`" for run in runs)), key=len)
    opening = f"{mark}{language_of(directive.name, directive.argument)}"
    lead = directive.lead
    above = [""] * (directive.body[0] - directive.first - 1)
    block = [opening, *body, f"{' ' * len(lead)}{mark}"]
    if lead.strip():
        # Of a list, the first line has the item's mark.
        return [f"{lead}{opening}", *block[1:], *above][:size]
    return [*above, f"{lead}{opening}", *block[1:]][:size]


def _pad(lead: str, said: Sequence[str], size: int) -> list[str]:
    """Lines behind `lead`, and as many blank lines as are missing.

    Without an end, a table has no line left for the blank one above.
    """
    top, *others = said[1:] if len(said) > size and not said[0] else said or [""]
    return [f"{lead}{top}" if said else "", *others, *[""] * (size - 1 - len(others))]


def _from_rst(directive: _Directive, body: Sequence[str]) -> list[str]:
    from knowledge.files.formats.rst import rst_to_markdown

    indent = min((len(line) - len(line.lstrip()) for line in body if line.strip()), default=0)
    _, text = rst_to_markdown("\n".join(line[indent:] for line in body))
    return [f"{' ' * indent}{line}".rstrip() for line in text.split("\n")]


def _list_table(directive: _Directive, body: Sequence[str]) -> list[str]:
    rows: list[list[str]] = []
    for line in body:
        row, cell = _ROW.match(line), _CELL.match(line)
        if row is not None:
            rows.append([row["cell"] or ""])
        elif cell is not None and rows:
            rows[-1].append(cell["cell"] or "")
        elif rows and line.strip():
            rows[-1][-1] = f"{rows[-1][-1]} {line.strip()}".strip()
    return _table(rows, directive)


def _csv_table(directive: _Directive, body: Sequence[str]) -> list[str]:
    head = directive.options.get("header", "")
    try:
        rows = [row for row in csv.reader([*([head] if head else []), *body]) if row]
    except csv.Error:
        return []
    return _table(rows, directive)


def _table(rows: Sequence[Sequence[str]], directive: _Directive) -> list[str]:
    if not rows:
        return []
    lines = [f"| {' | '.join(cell.replace('|', '/').strip() for cell in row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return ["", *lines]


_CONVERTED: Final = {"eval-rst": _from_rst, "list-table": _list_table, "csv-table": _csv_table}


def _line(line: str, depth: int) -> str:
    """A line of prose without what isn't shown."""
    if _UNSEEN.match(line) or _TARGETS.match(line):
        return ""
    if (field := _OPTION.match(line)) is not None and field["value"]:
        return f"- **{field['key']}**: {field['value'].strip()}"
    heading = _HEADING.match(line) if depth else None
    return line if heading is None else f"**{heading['words'].strip(' #*')}**"


def _prose(lines: Sequence[str], titles: Mapping[str, str]) -> list[str]:
    """Lines of prose with the words of roles, substitutions and links within the project."""
    text = "\n".join(lines)
    return _INLINE.sub(lambda found: _words(found, titles), text).split("\n") if lines else []


def _words(found: re.Match[str], titles: Mapping[str, str]) -> str:
    """The words of what `_INLINE` found, with as many line ends."""
    ends = "\n" * found[0].count("\n")
    if found["name"]:
        words, is_code = role_words(found["name"], found["text"], titles)
        return f"`{words}`{ends}" if is_code and words else f"{words}{ends}"
    if found["substituted"]:
        return label_words(found["substituted"])
    target = found["target"] or found["bare"] or ""
    if not target:
        return found[0]
    if found["label"] and not _PROJECT.match(target):
        label = _INLINE.sub(lambda inner: _words(inner, titles), found["label"])
        return f"[{label}]{found[0][len(found['label']) + 2 :]}"
    page, _, label = target.partition("#")
    words = found["label"] or titles.get((label or page).casefold()) or label_words(label or page)
    if target.startswith(_EXTERNAL):
        return found[0] if found["label"] else f"<{target}>"
    is_page = not _PROJECT.match(target) and "." in page
    return f"[{words}]({target})" if is_page else words

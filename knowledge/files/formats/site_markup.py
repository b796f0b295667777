"""Markup of site generators and raw HTML in Markdown, reduced to Markdown that a chat can show.

Comments, includes, players and scripts are left out. Titles of admonitions and tabs become bold
labels, and pictures become Markdown pictures. Table rows get a pipe at both ends, and cells lose
their padding. Code stays unchanged, and each line keeps its number. A placeholder that looks like a
tag ("!kick <user>") stays.
"""

import html
import re
from collections.abc import Iterator, Mapping, Set
from typing import Final

from knowledge.files.site_addresses import own_id, with_own_id, without_own_id
from knowledge.text import word_count

_FENCE: Final = re.compile(r"[ \t>]{0,12}(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(?P<mark>`{3,}|~{3,})")
_FENCE_OPENING: Final = re.compile(
    r"(?P<fence>[ \t>]{0,12}(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,9})?(?:`{3,60}|~{3,60}))[ \t]*+"
    r"(?:\{[ \t]*+\.?)?(?P<language>[\w+#.-]{1,20}+)?(?:[\s{}:,][^`\n]*)?\Z"
)
_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s")
_INDENT: Final = " " * 4

# Boxes of MkDocs ("!!! note", "??? tip", `=== "Tab"`) with indented text, and of all others.
_INDENTED_BOX: Final = re.compile(
    r"(?P<lead> *)(?:(?:!!!|\?\?\?\+?)[ \t]++[\w -]{1,80}|===[!+]*[ \t]+(?=\"))"
    r"(?:\"(?P<title>[^\"\n]{0,300})\")?[ \t]*\Z"
)
_BOX: Final = re.compile(
    r"[ \t]*:{3,}[ \t]*(?:\{[^}\n]{0,200}\}|[\w-]{1,40})?"
    r"(?:\[(?P<label>[^\]\n]{0,300})\])?(?:\{[^}\n]{0,200}\})?(?P<title>[ \t][^\n]{0,300})?\Z"
)
_ALERT: Final = re.compile(
    r"(?P<lead>[ \t]*>[ \t>]{0,10})\[![\w-]{1,30}\][+-]?[ \t]*+(?P<title>.*)\Z"
)
# Blocks of PyMdown ("/// note | Title"), with options in YAML below the first line.
_SLASHES: Final = re.compile(
    r"[ \t]{0,40}/{3,40}[ \t]*+(?:[A-Za-z][\w-]{0,40}[ \t]*+(?:\|(?P<title>[^\n]{0,300}))?)?\Z"
)
_SLASHED_OPTION: Final = re.compile(r"[ \t]{4,44}[\w-]{1,40}:(?:[ \t][^\n]*)?\Z")
_HINT: Final = re.compile(r"[!?]> ?(?=\S)")
_NOT_SHOWN: Final = re.compile(
    r"\s*(?:\{%[^\n]{0,300}%\}|-{1,2}8<-{1,2}.{0,300}|\[\[_?toc_?\]\]|\[toc\]|\{:[^}\n]{0,200}\})\s*\Z",
    re.IGNORECASE,
)
_ATTRIBUTES: Final = re.compile(
    r"(?:(?<=[)\]`*])[ \t]?\{ ?(?:[:.#]|[\w-]{1,30}=)[^{}\n]{0,200}\}"
    r"|(?<=\S)[ \t]+\{[:#.][^{}\n]{0,200}\}[ \t]*\Z)"
)
_LONGEST_LABEL: Final = 78

# Definitions of link references, and links by reference.
_DEFINITION: Final = re.compile(
    r"^ {0,3}\[(?P<name>[^\]^\n][^\]\n]{0,100})\]:[ \t]+<?(?P<to>[^\s<>()]{1,1000})>?"
    r"(?:[ \t]+[\"'(][^\n]{0,300}[\"')])?[ \t]*$",
    re.MULTILINE,
)
_REFERENCE: Final = re.compile(
    r"(?P<code>`[^`\n]{1,500}`)|\[(?P<label>[^\]\[\n]{1,500})\](?:\[(?P<name>[^\]\[\n]{0,100})\]|(?![\[(:]))"
)
# Headings become plain words, because citations show them: no pictures, links or emphasis.
_HEADED: Final = re.compile(r" {0,3}#{1,6}[ \t]")
_INSIDE: Final = r"(?:[^)\n\]]|\](?!\())"
_PICTURE: Final = re.compile(rf"!\[[^\[\]\n]{{0,500}}\]\({_INSIDE}{{0,400}}\)[ \t]*")
_LABELLED: Final = re.compile(rf"\[([^\[\]\n]{{1,500}})\]\({_INSIDE}{{0,400}}\)")
_EMPHASIS: Final = re.compile(r"(\*\*|__)(?=\S)([^*_\n]{1,500})(?<=\S)\1")

# A heading without a blank behind its mark.
_UNSPACED: Final = re.compile(r"( {0,3}#{2,6})(?=[^\W\d_]|[*`\[])")
_RULE: Final = re.compile(r" {0,3}([*_-])(?:[ \t]{0,9}\1){2,200}[ \t]*\Z")
# A link between the pages of a wiki.
_WIKI_LINK: Final = re.compile(
    r"(?P<code>`[^`\n]{1,300}`)"
    r"|\[\[(?![_\s])(?P<first>[^\[\]|\n]{1,150})(?:\|(?P<second>[^\[\]|\n]{0,150}))?\]\](?!\()"
)
_PAGE_NAME: Final = re.compile(r"[\w.()-]{1,150}\Z")
# A picture with only the name of its file as alternative text.
_NAMED_PICTURE: Final = re.compile(
    r"!\[[^\[\]\n]{0,100}\.(?:png|jpe?g|gif|webp|svg|avif|bmp)[ \t]*\](?=\()", re.IGNORECASE
)

_DELIMITERS: Final = re.compile(r"\s*+(?:\|\s*+)?:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+(?:\|\s*+)?\Z")
_DASHES: Final = re.compile(r"-{4,}")
_PADDING: Final = re.compile(r"(?P<code>`[^`]*`)|(?<=\|)[ \t]{2,}|(?<![ \t])[ \t]{2,}+(?=\|)")

# A backslash at the end of a line is a hard line break, except at the end of a paragraph.
_HARD_BREAK: Final = re.compile(r"(?:(?<![\\ \t])[ \t]*+|(?<=[ \t]))\\(?=\n|\Z)")
_LINE_BREAK: Final = " " * 2
# A horizontal rule drawn with box characters.
_DRAWN_RULE: Final = re.compile(r"^[ \t]*[\u2500-\u257f]{3,}[ \t]*$", re.MULTILINE)
# Inline code, targets of links, and unneeded escapes in targets.
_TARGET: Final = re.compile(r"(?P<code>`[^`\n]{1,500}`)|(?:\]\(<?|https?://)[^\s)>]{1,2000}")
_ESCAPED: Final = re.compile(r"\\([_*~&#+=.!-])")
# A linked picture; most link to the same picture in full size.
_LINKED_PICTURE: Final = re.compile(
    r"(?P<code>`[^`\n]{1,500}`)"
    rf"|\[[ \t]*(?P<picture>!\[(?P<label>[^\[\]\n]{{0,500}})\]\({_INSIDE}{{0,2000}}\))[ \t]*\]"
    rf"\((?P<to>(?:[^\s)\]]|\](?!\()){{0,2000}}+)(?:\s{_INSIDE}{{0,500}})?\)"
)
_PICTURE_FILE: Final = re.compile(
    r"\.(?:png|jpe?g|gif|webp|svg|avif|bmp)(?:[?#]\S{0,200})?\Z", re.IGNORECASE
)
_PLAYER: Final = re.compile(r"!\[type:video\]\((https?://[^\s)\[]{1,1000})\)")

_ENTITY: Final = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,5}|#[xX][0-9a-fA-F]{1,4});")
# Quoted attributes of components may have "<" and ">" in them.
_OPENS: Final = re.compile(
    r"(?P<code>`+)|(?P<comment><!--)|<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9-]{0,40})"
    r"(?P<attributes>(?:\s[^<>]{0,2000})?|"
    r"(?:\s++[\w:-]{1,40}+(?:=(?:\"[^\"\n]{0,1000}+\"|\{[^{}\n]{0,500}+\}))?+){1,20}+\s*+)/?>"
)
_COMMENT: Final = re.compile(r" {0,3}<!--")
_ATTRIBUTE: Final = re.compile(r"([\w-]{1,40})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_PAIRS: Final = tuple(
    (re.compile(rf"<{name}>([^<>\n*`]{{1,500}})</{name}>", re.IGNORECASE), shown)
    for name, shown in (
        ("(?:b|strong)", r"**\1**"),
        ("(?:i|em)", r"*\1*"),
        ("(?:kbd|code|tt)", r"`\1`"),
    )
)
_SUMMARY: Final = re.compile(
    r"<summary>\s*+([^<>\s](?:[^<>\n]{0,298}[^<>\s])?)\s*+</summary>", re.IGNORECASE
)
_HEADING: Final = re.compile(
    r"^[ \t]*<h(?P<level>[1-6])(?P<attributes>\s[^<>\n]{0,500})?>(?P<text>[^\n]{1,500}?)"
    r"</h(?P=level)>[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_LINK: Final = re.compile(
    r"<a\s[^<>]{0,1000}?href=[\"'](?P<to>https?://[^\s\"'<>)]{1,1000})[\"'][^<>]{0,500}>"
    r"(?P<label>[^<>\n\[\]]{1,500})</a>",
    re.IGNORECASE,
)
# Elements not shown as text, dropped with their content.
_EMBEDDED: Final = frozenset(
    {"audio", "canvas", "iframe", "object", "script", "style", "svg", "video"}
)
_ELEMENTS_TEXT: Final = """a abbr article b big blockquote br button center cite code dd del
    details div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li
    mark nav nobr ol p picture q s section small source span strike strong sub summary sup table
    tbody td tfoot th thead tr tt u ul wbr"""
_ELEMENTS: Final = frozenset(_ELEMENTS_TEXT.split())
_VOID: Final = frozenset({"br", "hr", "img", "wbr"})
_COMPONENT: Final = re.compile(r"[A-Z][a-z]\w*\Z")

# Languages of fences that contain no code: prose, or links shown as cards. In a code block, Discord
# shows neither bold text nor links.
_FENCE_LINE: Final = re.compile(r"[ \t]{0,3}(?P<mark>`{3,}|~{3,}+)(?P<info>[^`\n]*)\Z")
_CARD: Final = "embed"
_PROSE_LANGUAGES: Final = frozenset({"markdown", "md"})
_CARD_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']{1,2000}")
# Signs that a fence has Markdown or HTML as an example, not prose.
_EXAMPLE: Final = re.compile(
    r"^[ \t]*(?:#|---|\||[`~]{3})|\]\(|</?[a-z][\w-]*[\s/>]|\{[{%]|:::",
    re.MULTILINE | re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"[.!?](?=[*_\s)]|\Z)|[。！？]")
_SENTENCES: Final = 4
_WORDS: Final = 60


# MDX: imports, exports until a blank line, and comments in braces.
_IMPORT: Final = re.compile(
    r"import\s(?:[\w*{][^;\n\"']{0,1000}\sfrom\s+)?[\"'][^\"'\n]{1,500}[\"'];?[ \t]*\Z"
)
_EXPORT: Final = re.compile(r"export\s+(?:const|let|default|function|class|\*|\{)")


def without_mdx(text: str) -> str:
    """Remove imports, exports and comments from MDX; lines keep their numbers."""
    # A comment that isn't closed stays.
    *closed, rest = text.split("*/}")
    kept = []
    for piece in closed:
        before, opening, inside = piece.partition("{/*")
        kept += [before, "\n" * inside.count("\n") if opening else "*/}"]
    lines: list[str] = []
    fence, exports = "", False
    for line in "".join([*kept, rest]).split("\n"):
        before, fence = fence, fence_after(line, fence)
        is_code = bool(before or fence)
        goes_on = exports and bool(line.strip())
        exports = not is_code and (goes_on or _EXPORT.match(line) is not None)
        # Text inside of components is indented, and never code.
        shown = line.lstrip() if not is_code and _BOX.match(line) else line
        lines.append("" if exports or (not is_code and _IMPORT.match(line)) else shown)
    return "\n".join(lines)


def without_site_markup(text: str) -> str:
    """Reduce the markup in a Markdown text; lines keep their numbers."""
    lines = without_prose_fences(_without_admonitions(_without_comments(text.split("\n"))))
    addresses = {found["name"].casefold(): found["to"] for found in _DEFINITION.finditer(text)}
    runs = [*_runs(lines)]
    # The names of tags that have both a start and an end tag in the text.
    prose = "\n".join("\n".join(run) for is_code, run in runs if not is_code)
    tags = [tag for tag in (_OPENS.finditer(prose) if "</" in prose else ()) if tag["name"]]
    paired = {tag["name"] for tag in tags if tag["close"]}
    paired &= {tag["name"] for tag in tags if not tag["close"]}
    parts: list[str] = []
    for is_code, run in runs:
        parts += run if is_code else _prose(run, addresses, paired)
    return "\n".join(parts)


def _without_comments(lines: list[str]) -> list[str]:
    """Empty the lines of each HTML comment that begins a line, with the code in it.

    Other comments are left out later, with HTML tags.
    """
    last_end = max((place for place, line in enumerate(lines) if "-->" in line), default=-1)
    found: list[str] = []
    fence, is_comment = "", False
    for place, line in enumerate(lines):
        before, shown = fence, line
        if not is_comment:
            fence = fence_after(line, fence)
            begins = not (before or fence) and _COMMENT.match(line) is not None
            is_comment = begins and place <= last_end
        if is_comment:
            _, end, shown = line.partition("-->")
            is_comment = not end
        found.append(shown)
    return found


def _without_admonitions(lines: list[str]) -> list[str]:
    """Replace each of MkDocs' admonitions and tabs by its title and its text, without indents."""
    found: list[str] = []
    # Indents of the open boxes, outermost first; their text is indented by four more.
    boxes: list[int] = []
    fence, has_options = "", False
    for place, line in enumerate(lines):
        if line.strip():
            while boxes and len(line) - len(line.lstrip(" ")) < boxes[-1] + len(_INDENT):
                boxes.pop()
                fence = ""
        depth = len(_INDENT) * len(boxes)
        taken = line[depth:] if not line[:depth].strip() else line.lstrip(" ")
        box = None if fence else _INDENTED_BOX.match(taken)
        if box is not None and _has_indented_text(
            lines, place, len(box["lead"]) + depth + len(_INDENT)
        ):
            boxes.append(len(box["lead"]) + depth)
            taken = box["lead"] + _label(box["title"] or "")
        before, fence = fence, fence_after(taken, fence)
        if not before:
            # Of a block of PyMdown, the title stays.
            if has_options and _SLASHED_OPTION.match(taken):
                taken = ""
            elif "///" in taken and (slashes := _SLASHES.match(taken)) is not None:
                taken, has_options = _label(slashes["title"] or ""), True
            else:
                has_options = False
            # Other words behind a fence are instructions for the page, such as the lines to mark.
            if fence and (opened := _FENCE_OPENING.match(taken)) is not None:
                taken = f"{opened['fence']}{opened['language'] or ''}"
        found.append(taken)
    return found


def _has_indented_text(lines: list[str], place: int, least: int) -> bool:
    """Whether a line with text follows soon, indented by at least `least` blanks."""
    below = next((line for line in lines[place + 1 : place + 4] if line.strip()), "")
    return not below[:least].strip() and bool(below)


def fence_after(line: str, fence: str) -> str:
    """The mark of the code fence open after a line; empty if no fence is open.

    `fence` is the mark of the code fence open before the line.
    """
    if fence:
        stripped = line.lstrip(" \t>")
        return "" if stripped.startswith(fence) and not stripped.strip(fence[0] + " \t") else fence
    opened = _FENCE.match(line)
    return opened["mark"] if opened is not None and "`" not in line[opened.end() :] else ""


def _runs(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """Group lines into runs of code (fenced, or indented outside a list) and of other text."""
    run: list[str] = []
    was_code, fence, listed, above = False, "", False, ""
    for line in lines:
        before, fence = fence, fence_after(line, fence)
        is_code = bool(before or fence)
        if not is_code and line.strip():
            indented = line.startswith((_INDENT, "\t"))
            listed = _ITEM.match(line) is not None or (listed and (indented or bool(above.strip())))
            # Indented lines continue code, but begin it only after a blank line.
            is_code = indented and not listed and (was_code or not above.strip())
        if run and is_code != was_code:
            yield was_code, run
            run = []
        run.append(line)
        was_code, above = is_code, line
    yield was_code, run


def _prose(lines: list[str], addresses: Mapping[str, str], paired: Set[str]) -> list[str]:
    lines = [_plain_line(line) for line in lines]
    above = ""
    for place, line in enumerate(lines):
        # A horizontal rule; below a line of text, one of hyphens makes a heading of that line.
        if (rule := _RULE.match(line)) is not None and not (rule[1] == "-" and above.strip()):
            lines[place] = ""
        above = lines[place]
    text = "\n".join(_with_pipes(lines))
    if addresses:
        text = _DEFINITION.sub("", text)
        text = _REFERENCE.sub(lambda found: _resolve(found, addresses), text)
    text = _DRAWN_RULE.sub("", text)
    if any(mark in text for mark in ("<", "&", "```")):
        text = "".join(
            _as_markdown(piece, paired) if is_text else piece
            for is_text, piece in _visible_pieces(text)
        )
    if "](" in text or "://" in text:
        text = _PLAYER.sub(r"\1", _LINKED_PICTURE.sub(_unlink, text))
        text = _TARGET.sub(lambda found: found["code"] or _ESCAPED.sub(r"\1", found[0]), text)
        text = _NAMED_PICTURE.sub("![]", text)
    if "[[" in text:
        text = _WIKI_LINK.sub(_wiki_link, text)
    return [_plain_heading(line) for line in _with_breaks(text).split("\n")]


def _wiki_link(found: re.Match[str]) -> str:
    """Convert `[[Page]]` and `[[Label|Page]]`; some wikis write the label behind the page."""
    if found["code"]:
        return found[0]
    label, page = found["first"].strip(), (found["second"] or found["first"]).strip()
    if page.startswith("alt="):
        return f"![{page.removeprefix('alt=')}]({label})"
    if _PICTURE_FILE.search(label):
        return ""
    if "/" in label or "#" in label:
        label, page = page, label
    address = page.replace(" ", "-")
    return f"[{label}]({address})" if _PAGE_NAME.match(address) else label


def _with_breaks(text: str) -> str:
    """Replace backslashes at line ends by two blanks, Markdown's other hard line break."""

    def end_of_tag(found: re.Match[str]) -> str:
        rest = text[found.end() + 1 : found.end() + 2]
        return _LINE_BREAK if rest.strip() else ""

    return _HARD_BREAK.sub(end_of_tag, text) if "\\" in text else text


def _unlink(found: re.Match[str]) -> str:
    """Replace a linked picture by a text link, or by the picture if the link adds nothing."""
    if found["code"]:
        return found[0]
    label, address = found["label"].strip(), found["to"]
    leads = address.startswith(("http://", "https://")) and not _PICTURE_FILE.search(address)
    return f"[{label}]({address})" if leads and label else found["picture"]


def _resolve(link: re.Match[str], addresses: Mapping[str, str]) -> str:
    """Convert a reference link (`[label][name]`) to an inline link."""
    if link["code"]:
        return link[0]
    # Behind a word, brackets are an index, as in `a[0]`.
    is_index = (
        link["name"] is None and link.string[max(link.start() - 1, 0) : link.start()].isalnum()
    )
    address = None if is_index else addresses.get((link["name"] or link["label"]).casefold())
    return link[0] if address is None else f"[{link['label']}]({address})"


def _plain_heading(line: str) -> str:
    """Remove links, pictures and emphasis from a heading; other lines stay unchanged."""
    if _HEADED.match(line) is None:
        return line
    said = _ESCAPED.sub(r"\1", _LABELLED.sub(r"\1", _PICTURE.sub("", line)))
    # A heading that is only a picture stays.
    return _EMPHASIS.sub(r"\2", said) if said.strip(" \t#") else line


def _plain_line(line: str) -> str:
    """Reduce a line's markup of site generators; a line that they don't show becomes empty."""
    if _NOT_SHOWN.match(line) is not None:
        return ""
    if (box := _BOX.match(line)) is not None:
        return _label(box["label"] or box["title"] or "")
    if (alert := _ALERT.match(line)) is not None:
        title = _label(alert["title"])
        return f"{alert['lead'].rstrip()} {title}" if title else ""
    line = _HINT.sub("", line, count=1) if _HINT.match(line) else line
    line = _UNSPACED.sub(r"\1 ", line, count=1) if _UNSPACED.match(line) else line
    if "{" not in line:
        return line
    plain = _ATTRIBUTES.sub("", line)
    if _HEADED.match(line) is None:
        return plain
    return with_own_id(without_own_id(plain), own_id(line))


def _label(title: str) -> str:
    """Convert an admonition's title to bold text, with a colon at the end of a long title."""
    said = " ".join(title.replace("*", "").split())
    if not said:
        return ""
    return f"**{said}**" if len(said) <= _LONGEST_LABEL else f"**{said.rstrip(':')}:**"


def _with_pipes(lines: list[str]) -> list[str]:
    """Add a pipe at both ends of each table row, and remove the cells' padding."""
    inside = False
    for place, line in enumerate(lines):
        if not inside and place and "|" in line and "|" in lines[place - 1]:
            inside = _DELIMITERS.match(line) is not None
            if inside:
                lines[place - 1] = _as_table_row(lines[place - 1])
        inside = inside and "|" in line
        if inside:
            lines[place] = _as_table_row(line) if line.strip("| \t") else ""
    return lines


def _as_table_row(row: str) -> str:
    lead = row[: len(row) - len(row.lstrip())]
    cells = _PADDING.sub(lambda found: found["code"] or " ", row.strip())
    if _DELIMITERS.match(cells) is not None:
        cells = _DASHES.sub("---", cells)
    opening = "" if cells.startswith("|") else "| "
    closing = "" if cells.endswith("|") and not cells.endswith("\\|") else " |"
    return f"{lead}{opening}{cells}{closing}"


def _visible_pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Split a text; yields (True, text) and (False, code).

    Invisible elements are yielded like code, but reduced to their line ends.
    """
    shown = position = 0
    # Ends that are known to be missing; searching for them again would take quadratic time.
    unclosed: set[str] = set()
    while (found := _OPENS.search(text, position)) is not None:
        position = found.end()
        closing = _closing(found)
        if not closing or closing in unclosed:
            continue
        place = text.find(closing, position)
        if place < 0:
            unclosed.add(closing)
            continue
        piece = text[found.start() : place + len(closing)]
        if found["code"] and "\n\n" in piece:
            continue
        yield True, text[shown : found.start()]
        if found["code"]:
            # Discord would show a block for three backticks.
            code = piece.strip("`")
            is_line = piece.startswith("```") and not {"`", "\n"} & {*code} and code.strip()
            yield False, f"`{code}`" if is_line else piece
        else:
            yield False, "\n" * piece.count("\n")
        shown = position = place + len(closing)
    yield True, text[shown:]


def _closing(opened: re.Match[str]) -> str:
    """The mark that ends the code, comment or embedded element begun by `opened`, or ""."""
    if opened["code"]:
        return opened["code"]
    if opened["comment"]:
        return "-->"
    is_embedded = not opened["close"] and opened["name"].lower() in _EMBEDDED
    return f"</{opened['name']}>" if is_embedded else ""


def _as_markdown(text: str, paired: Set[str]) -> str:
    """Replace HTML tags by Markdown, and drop tags without an equivalent."""
    if "<" in text:
        for pattern, replaced in _PAIRS:
            text = pattern.sub(replaced, text)
        text = _LINK.sub(r"[\g<label>](\g<to>)", text)
        text = _SUMMARY.sub(lambda found: _label(found[1]), text)
        text = _HEADING.sub(
            lambda found: (
                f"{'#' * int(found['level'])} "
                + with_own_id(found["text"], _values(found["attributes"]).get("id", ""))
            ),
            text,
        )
        text = _OPENS.sub(lambda found: _as_shown(found, paired), text)
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def _values(attributes: str | None) -> dict[str, str]:
    """Parse a tag's attributes; names are in lower case."""
    found = _ATTRIBUTE.findall(attributes or "")
    return {key.lower(): next(filter(None, value), "") for key, *value in found}


def _as_shown(tag: re.Match[str], paired: Set[str]) -> str:
    name, given = tag["name"], tag["attributes"] or ""
    if not name:
        return tag[0]
    is_component = _COMPONENT.match(name) is not None
    if name.lower() not in _ELEMENTS and not is_component:
        return tag[0]
    # A name between < and > without attributes or an end tag is a placeholder.
    alone = name.lower() in _VOID or "=" in given or tag[0].endswith("/>")
    if not alone and name not in paired:
        return tag[0]
    left = "\n" * tag[0].count("\n")
    values = _values(given)
    if name.lower() == "img":
        alt, source = values.get("alt", ""), values.get("src", "")
        # A picture on the page's own server can't be shown; its description can.
        is_seen = alt or source.startswith(("http://", "https://"))
        return f"![{alt}]({source}){left}" if is_seen else left
    if is_component and (label := values.get("label") or values.get("title")) and not tag["close"]:
        return f"{_label(label)}{left}"
    return left or (" " if name.lower() in ("br", "td", "th") else "")


# Fences without code.


def without_prose_fences(lines: list[str]) -> list[str]:
    """Remove code fences around prose from the lines of a Markdown text; the prose stays.

    A link card (a fence of the language `embed`) becomes its address.
    """
    found = [*lines]
    place = 0
    while place < len(found):
        opened = _FENCE_LINE.match(found[place])
        if opened is None:
            place += 1
            continue
        mark = opened["mark"]
        closing = (
            at
            for at in range(place + 1, len(found))
            if found[at].strip().startswith(mark) and not found[at].strip().strip(mark[0])
        )
        after = next(closing, len(found))
        shown = _unfence(found[place + 1 : after], opened["info"].strip().lower())
        if shown is not None and after < len(found):
            found[place : after + 1] = ["", *shown, ""]
        place = after + 1
    return found


def _unfence(inside: list[str], language: str) -> list[str] | None:
    """The lines that replace a fence and its content; None if the content is code."""
    text = "\n".join(inside)
    if language == _CARD:
        addresses = _CARD_ADDRESS.findall(text)
        if len(addresses) != 1:
            return None
        return [found[0] if (found := _CARD_ADDRESS.search(line)) else "" for line in inside]
    is_prose = (
        language in _PROSE_LANGUAGES
        and _EXAMPLE.search(text) is None
        and len(_SENTENCE_END.findall(text)) >= _SENTENCES
        and word_count(text) >= _WORDS
    )
    return inside if is_prose else None

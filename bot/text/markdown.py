"""Renderer of somebody's Markdown in Discord: safe, within the limits, cut at good places. Pure.

Quoted text is Markdown that somebody else wrote. Here it pings nobody, its masked links show where
they lead, and no part of it is cut inside a code fence, a link or what is seen as one sign. Lengths
are in UTF-16 code units: Discord's servers count code points, its clients count units, and what
fits in units fits in both.

Source:
    Limits: Discord's developer documentation, "Message" and "Component reference".
    Signs: Unicode Standard Annex 29, "Unicode Text Segmentation", extended grapheme clusters.
"""

import itertools
import re
from dataclasses import dataclass
from typing import Final

import regex

from bot.text.tables import is_row, shown_table
from knowledge.text import legible as legible

MESSAGE_CHARACTERS: Final = 2_000
LAYOUT_CHARACTERS: Final = 4_000

# Longer ones are shown as text: where nothing closes them, each is looked for to the text's end.
_LINK = re.compile(
    r"(!?)\[([^\]\n]{0,500})\]\(<?(https?://[^\s)>]{1,2000})>?(?:\s+\"[^\"\n]{0,500}\")?\)"
)
# A link to a place on the page's own server, and a picture there: neither is to be had from a chat.
_PAGE_LINK = re.compile(
    r"(?P<code>`[^`\n]{1,500}`)|(?P<picture>!?)\[(?P<label>[^\]\n]{0,500})\]"
    r"\((?!<?[a-zA-Z][a-zA-Z0-9+.-]{0,20}:)(?=[^)\n]{0,2000}[./#])"
    r"(?:<[^>\n]{0,2000}>|[^\s)]{1,2000})(?:\s+\"[^\"\n]{0,500}\")?\)"
)
# A picture that is a link, mostly to itself in full size; and one in bold, which shows nothing.
_LINKED_PICTURE = re.compile(
    r"(?P<code>`[^`\n]{1,500}`)"
    r"|\[(?P<picture>!\[[^\]\n]{0,500}\]\([^)\n]{1,2000}\))\]\([^)\n]{1,2000}\)"
)
_BOLD_PICTURE = re.compile(r"\*\*(!\[[^\]\n]{0,500}\]\([^)\n]{1,2000}\))\*\*")
_PICTURE: Final = "\N{FRAME WITH PICTURE}"
_BARE_LINK = re.compile(r"(?<![<\w])(https?://[^\s<>)\]]+)")
_SCHEME = re.compile(r"\Ahttps?://")
# A link begins with the last bracket before its label's end, so that a run of them is read once.
_CUTTABLE = re.compile(r"\[[^\[\]\n]*\]\([^)\[\n]*\)|<?https?://\S+")
_MENTION = re.compile(r"@(?=everyone|here)|<(?=@|#|/|id:|a?:|t:)")
_FENCE_LINE = re.compile(
    r"^(?P<lead>(?:> ?){0,2}[ \t]{0,8})(?P<mark>`{3,}|~{3,})"
    r"(?P<language>\{[\w-]{1,20}\}(?=[ \t]*$)|[\w+#.-]{0,20})(?P<rest>[^`\n]*)$",
    re.MULTILINE,
)
# What is seen as one sign; a backslash is one with what it makes plain.
_SIGN = regex.compile(r"\\?\X")
# It can be longer than this only where marks are heaped up on purpose.
_SIGN_CHARACTERS: Final = 32
# Where a sign ends for sure, the last one first: behind a blank, and between signs of ASCII.
_SEAM = regex.compile(r"(?r)(?<= )|(?<=[ -\[\]-~])(?=[ -~])")
# What Discord would interpret, each sign behind a backslash.
_PLAIN: Final = str.maketrans({sign: f"\\{sign}" for sign in r"\*_~`|<>[]()#@:-"})
# Room for the line that closes a fence: a line's end, the longest lead, three backticks.
_CLOSING_CHARACTERS: Final = 16
# A piece has room for a fence's opening and closing line, and something between them.
_LEAST_PIECE: Final = 60


def size(text: str) -> int:
    """How long a text is for Discord, in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def beginning(text: str, most: int) -> str:
    """The longest beginning of a text that has at most `most` units and splits no sign."""
    most = max(most, 0)
    if size(text) <= most:
        return text
    cut = most
    while excess := max(size(text[:cut]) - most, 0):
        # No sign has more than two units, so that this never takes too much.
        cut -= -(-excess // 2)
    # Whether a sign ends at the cut is seen by what comes next.
    seam = _SEAM.search(text, 0, max(cut - _SIGN_CHARACTERS, 0))
    whole = seam.start() if seam else 0
    for sign in _SIGN.finditer(text, whole, cut + 1):
        if sign.end() > cut:
            break
        whole = sign.end()
    return text[: whole if cut - whole <= _SIGN_CHARACTERS else cut]


def plain(text: str) -> str:
    """One line of somebody's text with nothing in it that Discord would interpret."""
    line = " ".join(legible(text).split())
    return line.translate(_PLAIN)


def plain_within(text: str, most: int) -> str:
    """One line of somebody's text with nothing that Discord would interpret, in `most` units.

    What makes a text plain makes it longer, up to twice as long.
    """
    limit = most
    while size(line := plain(shortened(text, limit))) > most:
        limit = limit * 3 // 4
    return line


def shown(text: str) -> str:
    """Somebody's Markdown as it may be shown: mentions are text, links say where they lead."""
    text = legible(text)
    parts: list[str] = []
    position = 0
    for start, end in _fences(text):
        parts += [_shown_prose(text[position:start]), _shown_fence(text[start:end])]
        position = end
    parts.append(_shown_prose(text[position:]))
    return "".join(parts)


def _shown_fence(text: str) -> str:
    """A code fence as Discord knows it: three backticks, closed, and no others inside."""
    opening, *body = text.split("\n")
    opened = _FENCE_LINE.match(opening)
    if opened is None:
        return _shown_prose(text)
    if body and _closes(_FENCE_LINE.match(body[-1]), opened):
        body.pop()
    if opened["rest"].strip():
        body.insert(0, opened["rest"].strip())
    # Of six in a row, too, no three may be left beside each other.
    inside = re.sub("`(?=``)", "`\u200b", "\n".join(body))
    return f"{opened['lead']}```{opened['language'].strip('{}')}\n{inside}\n{opened['lead']}```"


def _shown_prose(text: str) -> str:
    if "](" in text:
        text = _LINKED_PICTURE.sub(lambda found: found["code"] or found["picture"], text)
        text = _PAGE_LINK.sub(_in_words, _BOLD_PICTURE.sub(r"\1", text))
    # Discord lets three backticks open a fence anywhere; here they would turn real ones inside out.
    text = _tables_shown(text.replace("```", r"\`\`\`"))
    text = _MENTION.sub(lambda match: f"{match[0]}\u200b", text)
    parts: list[str] = []
    position = 0
    for link in _LINK.finditer(text):
        parts += [_without_masks(text[position : link.start()]), _honest_link(link)]
        position = link.end()
    parts.append(_without_masks(text[position:]))
    return "".join(parts)


def _in_words(link: re.Match[str]) -> str:
    """What a link within a page is called; what a picture shows behind the sign for one."""
    if link["code"]:
        return link[0]
    return f"{_PICTURE} {link['label']}".strip() if link["picture"] else link["label"]


def _without_masks(text: str) -> str:
    """Text in which no address hides: what is no link that we know is no link for Discord."""
    return _BARE_LINK.sub(r"<\1>", text).replace("](", r"]\(")


def _honest_link(match: re.Match[str]) -> str:
    """A masked link that can't pretend: a label that looks like another address is set apart."""
    label, address = match[2].strip(), match[3]
    # A vowel's sign and a joiner are no letters, but may stand on either side of the dot.
    looks_like_address = re.search(r"[^\s.]\.\w[^\s.,;:!?)]|://", label)
    sign = _PICTURE if match[1] else ""
    if _SCHEME.sub("", label).rstrip("/") == _SCHEME.sub("", address).rstrip("/"):
        return f"{sign} <{address}>".lstrip()
    if not label or looks_like_address:
        return " ".join(filter(None, (sign, label, f"(<{address}>)")))
    return f"{sign} [{label}](<{address}>)".lstrip()


def _tables_shown(text: str) -> str:
    """The text with its tables as Discord can show them."""
    lines: list[str] = []
    for row, run in itertools.groupby(text.split("\n"), key=is_row):
        same = [*run]
        lines += shown_table(same) if row else same
    return "\n".join(lines)


def _fences(text: str) -> list[tuple[int, int]]:
    """The spans of code fences, from the opening line to the end of the closing one."""
    spans: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    end = len(text)
    for match in _FENCE_LINE.finditer(text):
        if opened is not None and match.start() > end:
            spans.append((opened.start(), end))
            opened = None
        if opened is None:
            opened, end = match, _end_of_quotation(text, match)
        elif _closes(match, opened):
            spans.append((opened.start(), match.end()))
            opened = None
    if opened is not None:
        spans.append((opened.start(), end))
    return spans


def _end_of_quotation(text: str, opened: re.Match[str]) -> int:
    """Where a fence ends at the latest: with the quotation that it was opened in."""
    if ">" not in opened["lead"]:
        return len(text)
    end = opened.end()
    while text.startswith("\n>", end):
        end = text.find("\n", end + 1)
        if end < 0:
            return len(text)
    return end


def _closes(line: re.Match[str] | None, opened: re.Match[str]) -> bool:
    return (
        line is not None
        and line["mark"].startswith(opened["mark"])
        and not line["language"]
        and not line["rest"].strip()
    )


def split(text: str, limit: int = MESSAGE_CHARACTERS) -> list[str]:
    """A text in pieces of at most `limit` units, cut at the best places.

    A fence that is cut is closed and opened again in the next piece with its language. Between
    fences the cut is made at a blank line, else at a line's end, else at a blank; a link is only
    cut where it alone is longer than a piece. Without its fences' marks, the pieces joined are
    the text without the white space at the cuts.

    Raises:
        ValueError: if a piece has no room for a line of code between the marks of a fence.
    """
    if limit < _LEAST_PIECE:
        raise ValueError(f"A piece needs room for {_LEAST_PIECE} units; there is for {limit}.")
    pieces: list[str] = []
    fence = ""
    rest = text
    while rest:
        opening = f"{fence}\n" if fence else ""
        if size(opening) + size(rest) <= limit:
            pieces.append(opening + rest)
            break
        # Room for a closing fence is kept whether or not it turns out to be needed.
        cut = _cut(rest, limit - len(opening) - _CLOSING_CHARACTERS, inside=bool(fence))
        piece, rest = rest[:cut], rest[cut:]
        still_open = _open_fence(piece, fence)
        closing = f"\n{still_open[: still_open.index('`')]}```" if still_open else ""
        pieces.append(opening + piece.rstrip() + closing)
        fence = still_open
        rest = rest.removeprefix("\n") if fence else rest.lstrip()
    # Discord refuses a message of nothing but blanks.
    return [piece for piece in pieces if piece.strip()]


def _cut(text: str, limit: int, *, inside: bool) -> int:
    """Where to cut `text`, whose size is above `limit`, so that what is before has no more."""
    window = beginning(text, limit)
    limit = len(window)
    links = [] if inside else _unbreakable(text, limit)
    for separator in ("\n\n", "\n", " "):
        cut = window.rfind(separator)
        while cut > limit // 3:
            if not any(start < cut < end for start, end in links):
                return cut + (0 if separator == " " else 1)
            cut = window.rfind(separator, 0, cut)
    before_link = [start for start, end in links if start < limit < end]
    if before_link and before_link[0] > 0:
        return before_link[0]
    return limit


def _unbreakable(text: str, limit: int) -> list[tuple[int, int]]:
    """The spans of links that could be cut at `limit`."""
    reach = text[: limit + 2_000]
    return [link.span() for link in _CUTTABLE.finditer(reach)]


def _open_fence(piece: str, fence: str) -> str:
    """The opening line of the fence that is open at the end of `piece`, or nothing."""
    for match in _FENCE_LINE.finditer(piece):
        if match["mark"].startswith("~"):
            continue
        if not fence:
            fence = f"{match['lead']}```{match['language']}"
        elif not match["language"]:
            fence = ""
    return fence


def quoted_parts(text: str, limit: int = MESSAGE_CHARACTERS) -> list[str]:
    """A text as quotations of at most `limit` units, each with every line quoted.

    Raises:
        ValueError: as `split` does.
    """
    room = limit
    while True:
        parts = [quoted(part) for part in split(text, room)]
        if all(size(part) <= limit for part in parts):
            return parts
        # The marks of the quotation need room, the more the shorter the lines are.
        room = room * 4 // 5


def quoted(text: str) -> str:
    """A text as a Discord quotation; every line of it, so that none can leave the quotation."""
    return "\n".join(f"> {line}" for line in text.split("\n"))


def shortened(text: str, limit: int) -> str:
    """A text on one line of at most `limit` units, with … where it was cut."""
    line = " ".join(text.split())
    return line if size(line) <= limit else beginning(line, limit - 1).rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list: its text, its number counting from 0, and how many there are."""

    content: str
    number: int
    count: int


def neighbours(page: int, pages: int, before: str, after: str) -> list[tuple[int, str]]:
    """The pages before and after one of so many, counted from 0, as far as there are such pages.

    Args:
        page: the one that is shown.
        pages: how many there are.
        before: what the button to the page before is called.
        after: what the button to the page after is called.
    """
    beside = ((page - 1, before), (page + 1, after))
    return [(number, label) for number, label in beside if 0 <= number < pages]

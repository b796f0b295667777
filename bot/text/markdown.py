"""Renderer of members' and documents' Markdown for Discord: escapes and splits texts. Pure.

A shown text pings nobody, and its masked links show their targets. No cut breaks a grapheme
cluster. A code fence that is cut is closed, and reopened in the next piece. Lengths are in UTF-16
code units, as Discord's clients count; its servers count code points, which are never more.

Source:
    Limits: Discord's developer documentation, "Message" and "Component reference". Graphemes:
    Unicode Standard Annex 29, "Unicode Text Segmentation", extended grapheme clusters.
"""

import itertools
import re
from typing import Final

import regex

from bot.text.tables import is_row, shown_table
from knowledge.text import legible as legible

MESSAGE_CHARACTERS: Final = 2_000
LAYOUT_CHARACTERS: Final = 4_000

# A character within a link's parentheses. Without `](`, the beginning of another link is none, so a
# row of unclosed links is read once.
_INSIDE: Final = r"(?:[^)\n\]]|\](?!\())"
# Longer links are shown as text.
_LINK = re.compile(
    r"(!?)\[([^\]\n]{0,500})\]\(<?(https?://(?:[^\s)>\]]|\](?!\()){1,2000})>?"
    r"(?:\s+\"[^\"\n]{0,500}\")?\)"
)
# A link or picture that can't be opened from a chat: relative to the page, or with a scheme of its
# own, such as `jd:`.
_PAGE_LINK = re.compile(
    r"(?P<code>`[^`\n]{1,500}`)|(?P<picture>!?)\[(?P<label>[^\]\n]{0,500})\]"
    r"\((?!<?https?:)(?:mailto:(?P<mail>[^\s()<>?@]{1,64}@[^\s()<>?]{1,189})(?:\?[^\s()<>]{0,500})?\)|"
    r"(?P<target><[^<>\n]{0,2000}>|(?:[^\s)\]]|\](?!\()){1,2000})(?:\s+\"[^\"\n]{0,500}\")?\))",
    re.IGNORECASE,
)
_PATH_MARKS: Final = frozenset("./#")
# A picture that is a link, mostly to its full size; and a picture in bold.
_LINKED_PICTURE = re.compile(
    r"(?P<code>`[^`\n]{1,500}`)"
    rf"|\[(?P<picture>!\[[^\]\n]{{0,500}}\]\({_INSIDE}{{1,2000}}\))\]\({_INSIDE}{{1,2000}}\)"
)
_BOLD_PICTURE = re.compile(rf"\*\*(!\[[^\]\n]{{0,500}}\]\({_INSIDE}{{1,2000}}\))\*\*")
_PICTURE: Final = "picture"
_BARE_LINK = re.compile(r"(?<![<\w])https?://[^\s<>)\]]+")
# Marks and punctuation behind an address.
_BEHIND_A_LINK: Final = "*.,;:!?'\""
_SCHEME = re.compile(r"\Ahttps?://")
# The label starts at the last bracket, so a run of brackets is scanned once.
_CUTTABLE = re.compile(r"\[[^\[\]\n]*\]\([^)\[\n]*\)|<?https?://\S+")
# A channel's link and a time ping nobody; a name is shown only to members who see the channel.
_MENTION = re.compile(
    r"@(?=everyone|here)|<(?=@|#(?!\d{15,20}>)|/|id:|a?:|t:(?!\d{1,13}:[tTdDfFR]>))"
)
_FENCE_LINE = re.compile(
    r"^(?P<lead>(?:> ?){0,2}[ \t]{0,8})(?P<mark>`{3,}|~{3,}+)[ \t]{0,9}+"
    r"(?P<language>\{[\w-]{1,20}\}(?=[ \t]*$)|[\w+#.-]{0,20}+)(?P<rest>[^`\n]*)$",
    re.MULTILINE,
)
_BLANK_LINES: Final = re.compile(r"\n{3,}")
# A grapheme cluster; an escaped character counts as one.
_SIGN = regex.compile(r"\\?\X")
# Longer clusters exist only by malicious stacking of marks.
_SIGN_CHARACTERS: Final = 32
# Certain ends of a cluster, searched backwards: after a blank, between ASCII characters.
_SEAM = regex.compile(r"(?r)(?<= )|(?<=[ -\[\]-~])(?=[ -~])")
# Characters that Discord would interpret, escaped.
_PLAIN: Final = str.maketrans({sign: f"\\{sign}" for sign in r"\*_~`|<>[]()#@:-"})
# Room to close a fence: newline, longest indent, three backticks.
_CLOSING_CHARACTERS: Final = 16
# A piece has room for both fence lines and some text between.
_LEAST_PIECE: Final = 60


def size(text: str) -> int:
    """Return a text's length for Discord, in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def beginning(text: str, most: int) -> str:
    """Return the longest beginning of at most `most` units that splits no grapheme cluster."""
    most = max(most, 0)
    if size(text) <= most:
        return text
    cut = most
    while excess := max(size(text[:cut]) - most, 0):
        # A code point has at most two units, so this never takes too much.
        cut -= -(-excess // 2)
    # The next characters show whether a cluster ends at the cut.
    seam = _SEAM.search(text, 0, max(cut - _SIGN_CHARACTERS, 0))
    whole = seam.start() if seam else 0
    for sign in _SIGN.finditer(text, whole, cut + 1):
        if sign.end() > cut:
            break
        whole = sign.end()
    return text[: whole if cut - whole <= _SIGN_CHARACTERS else cut]


def plain(text: str) -> str:
    """Return the text on one line, with all Markdown, mentions and links escaped."""
    line = " ".join(legible(text).split())
    return line.translate(_PLAIN)


def plain_within(text: str, most: int) -> str:
    """Shorten a text and escape it like `plain`. The result has at most `most` units."""
    limit = most
    while size(line := plain(shorten(text, limit))) > most:
        limit = limit * 3 // 4
    return line


def safe_markdown(text: str) -> str:
    """Return Markdown that is safe to show: mentions as text, links with visible targets."""
    text = legible(text)
    parts: list[str] = []
    position = 0
    for start, end in _fences(text):
        parts += [_safe_prose(text[position:start]), _safe_fence(text[start:end])]
        position = end
    parts.append(_safe_prose(text[position:]))
    return "".join(parts)


def _safe_fence(text: str) -> str:
    """Rewrite a code block for Discord, between fences of three backticks.

    Three backticks in a row inside the block are broken up.
    """
    opening, *body = text.split("\n")
    opened = _FENCE_LINE.match(opening)
    if opened is None:
        return _safe_prose(text)
    if body and _closes(_FENCE_LINE.match(body[-1]), opened):
        body.pop()
    if opened["rest"].strip():
        body.insert(0, opened["rest"].strip())
    # A run of six must not leave three in a row either.
    inside = re.sub("`(?=``)", "`\u200b", "\n".join(body))
    return f"{opened['lead']}```{opened['language'].strip('{}')}\n{inside}\n{opened['lead']}```"


def _safe_prose(text: str) -> str:
    if "](" in text:
        text = _LINKED_PICTURE.sub(lambda found: found["code"] or found["picture"], text)
        text = _PAGE_LINK.sub(_in_words, _BOLD_PICTURE.sub(r"\1", text))
    # Left of markup that isn't shown.
    text = _BLANK_LINES.sub("\n\n", text)
    # Discord opens a fence at three backticks anywhere, which would invert the real ones.
    lines: list[str] = []
    for is_table, group in itertools.groupby(text.replace("```", r"\`\`\`").split("\n"), is_row):
        rows = [*group]
        lines += shown_table(rows) if is_table else rows
    text = "\n".join(lines)
    text = _MENTION.sub(lambda match: f"{match[0]}\u200b", text)
    parts: list[str] = []
    position = 0
    for link in _LINK.finditer(text):
        parts += [_without_masks(text[position : link.start()]), _honest_link(link)]
        position = link.end()
    parts.append(_without_masks(text[position:]))
    return "".join(parts)


def _in_words(link: re.Match[str]) -> str:
    """Return words in place of a link or picture that can't be opened from a chat.

    A link becomes its label, with an e-mail address behind it. A picture becomes "[picture: its
    text]", or nothing. Behind a word, as in `a[i](x)`, only an address that can be a
    path is one.
    """
    if mail := link["mail"]:
        return link["label"] if mail in link["label"] else f"{link['label']} ({mail})"
    is_behind_word = link.string[max(link.start() - 1, 0) : link.start()].isalnum()
    if link["code"] or (is_behind_word and _PATH_MARKS.isdisjoint(link["target"])):
        return link[0]
    return (
        rf"\[{_PICTURE}: {link['label']}\]" if link["picture"] and link["label"] else link["label"]
    )


def _without_masks(text: str) -> str:
    """Break up masked links that Discord might recognize, although `_LINK` doesn't match them.

    Bare addresses are put in angle brackets.
    """
    return _BARE_LINK.sub(_bracket, text).replace("](", r"]\(")


def _bracket(link: re.Match[str]) -> str:
    address = link[0].rstrip(_BEHIND_A_LINK)
    return f"<{address}>{link[0][len(address) :]}"


def _honest_link(match: re.Match[str]) -> str:
    """Return a masked link with a label that can't deceive.

    If the label looks like an address, the real address is shown beside the label. A label equal to
    the address is left out.
    """
    label, address = match[2].strip(), match[3]
    # Vowel signs and joiners are no letters, but may stand beside the dot.
    looks_like_address = re.search(r"[^\s.]\.\w[^\s.,;:!?)]|://", label)
    is_address = _SCHEME.sub("", label).rstrip("/") == _SCHEME.sub("", address).rstrip("/")
    if match[1]:
        name = f"{_PICTURE}: {label}" if label and not is_address else _PICTURE
        is_honest = name != _PICTURE and not looks_like_address
        return f"[{name}](<{address}>)" if is_honest else rf"\[{name}\] (<{address}>)"
    if is_address:
        return f"<{address}>"
    if not label or looks_like_address:
        return f"{label} (<{address}>)".lstrip()
    return f"[{label}](<{address}>)"


def _fences(text: str) -> list[tuple[int, int]]:
    """Return the spans of code fences, closing line included."""
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
    """Return the end of the quotation around an open fence; Discord closes the fence there."""
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
    """Split a text into pieces of at most `limit` units, at the best places.

    A cut inside a code fence closes the fence and reopens it in the next piece. Other cuts fall at
    a blank line if possible, or else at a line's end, or at a blank. A link is cut only if it is
    longer than a piece. The pieces lose no text except whitespace at the cuts.

    Raises:
        ValueError: if a piece has no room for a fenced line of code.
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
        # Room for a closing fence is always reserved.
        cut = _cut(rest, limit - len(opening) - _CLOSING_CHARACTERS, inside=bool(fence))
        piece, rest = rest[:cut], rest[cut:]
        still_open = _open_fence(piece, fence)
        closing = f"\n{still_open[: still_open.index('`')]}```" if still_open else ""
        pieces.append(opening + piece.rstrip() + closing)
        fence = still_open
        rest = rest.removeprefix("\n") if fence else rest.lstrip()
    # Discord refuses blank messages.
    return [piece for piece in pieces if piece.strip()]


def _cut(text: str, limit: int, *, inside: bool) -> int:
    """Return where to cut a `text` that exceeds `limit`.

    `inside` tells whether the text begins inside a code block, where no link has to stay whole.
    """
    window = beginning(text, limit)
    limit = len(window)
    # No cut may break one of these links.
    links = [] if inside else [link.span() for link in _CUTTABLE.finditer(text[: limit + 2_000])]
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


def _open_fence(piece: str, fence: str) -> str:
    """Return the opening line of a fence left open by `piece`, or an empty string."""
    for match in _FENCE_LINE.finditer(piece):
        if match["mark"].startswith("~"):
            continue
        if not fence:
            fence = f"{match['lead']}```{match['language']}"
        elif not match["language"]:
            fence = ""
    return fence


def quoted_parts(text: str, limit: int = MESSAGE_CHARACTERS) -> list[str]:
    """Return a text as quotations of at most `limit` units, every line quoted.

    Raises:
        ValueError: as for `split`.
    """
    room = limit
    while True:
        parts = [quotation(part) for part in split(text, room)]
        if all(size(part) <= limit for part in parts):
            return parts
        # Quotation marks need room on each line.
        room = room * 4 // 5


def quotation(text: str) -> str:
    """Return a text as a Discord quotation, marked on every line."""
    return "\n".join(f"> {line}" for line in text.split("\n"))


def shorten(text: str, limit: int) -> str:
    """Return a text on one line within `limit` units, with … at the cut."""
    line = " ".join(text.split())
    return line if size(line) <= limit else beginning(line, limit - 1).rstrip() + "…"


# Code blocks of the bot's own messages.

_BACKTICKS: Final = "```"


def code_block(text: str, most: int) -> str:
    """Return a code block with the first `most` units of a text; backticks in it can't end it."""
    inside = legible(text).replace("`", "'").strip()
    return f"{_BACKTICKS}\n{beginning(inside, most).rstrip()}\n{_BACKTICKS}"


def code_blocks(message: str) -> list[str]:
    """Return the contents of the code blocks that `code_block` wrote into a message, in order."""
    return [inside.strip() for inside in message.split(_BACKTICKS)[1::2]]

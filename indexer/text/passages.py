"""Passage splitter: cuts documents into passages that never cross a heading.

A passage is the unit of embedding, retrieval and quotation. It has its heading path, so that it can
be found by a heading's words, and its position, so that neighbours can be quoted. All functions are
pure; the caller passes the embedder's token counter.
"""

import hashlib
import itertools
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from markdown_it import MarkdownIt
from semantic_text_splitter import MarkdownSplitter

from indexer.text import analyzer
from indexer.text.contents import headings_in, is_contents, is_stub
from indexer.text.sentences import (
    FENCES,
    ROW,
    fence_mark,
    fences,
    has_header,
    introduces,
    is_steps,
    sentences,
    spans_within,
    steps_and_units,
    text_windows,
)
from knowledge.files.site_addresses import without_own_id
from knowledge.languages.detection import language_of
from knowledge.languages.vocabularies import ENGLISH
from knowledge.values.documents import TITLE_CHARACTERS, Document, Kind

# Raise it when documents are cut, or their words read, in another way: indexed documents are then
# put in anew, and only changed passages are embedded.
CUTTING: Final = 12

HEADING_SEPARATOR: Final = " › "

# Of a longer document, the beginning decides its language.
LANGUAGE_CHARACTERS: Final = 20_000

# Of the model's tokens, at most this share goes to title and heading; a longer path loses its end.
PREFIX_SHARE: Final = 0.25

# A longer section is first cut into stretches, at blank lines if possible: the splitter counts its
# input many times over.
STRETCH_CHARACTERS: Final = 20_000
# The most characters of a token in any script. A model may read a line of a million letters as one
# word, which must not become one passage.
CHARACTERS_A_TOKEN: Final = 12
# While a cut is tried, only this many characters for each token that fits are counted at first.
TRIED_CHARACTERS: Final = 16

# Code up to this size is one passage, because it is quoted whole: with marks and citation, it fills
# a message. The same holds for a row of a table, and for a table with its announcement. The model
# reads only the beginning of one that is too long for it.
CODE_CHARACTERS: Final = 1_500

# A longer line that opens code isn't repeated whole in each part of the code.
OPENING_CHARACTERS: Final = 100

# A text with at least so many headings, and so few characters for each, is a glossary or a list:
# neighbouring sections of a few lines share a passage then.
CROWDED_HEADINGS: Final = 500
CROWDED_CHARACTERS: Final = 150
SHORT_CHARACTERS: Final = 200
MERGED_CHARACTERS: Final = 400

# A section with at least so many signatures is a reference, cut between its entries.
LEAST_ENTRIES: Final = 3

# A shorter piece of a section ("Then restart.") is no passage of its own. The last one stays with
# code above, even if the model then doesn't read it, or else with the last unit above.
REMAINDER_CHARACTERS: Final = 60

# Approximate characters parsed for headings in one step. Headings alone take the parser longest:
# 0.1 s.
CHUNK_CHARACTERS: Final = 16_384
# Lines of a chunk outside of code: each may be an item of a list, which takes longer than its text.
CHUNK_LINES: Final = 4_000

# As long as a title. A longer heading is shortened, and all its words begin the section's text.
HEADING_CHARACTERS: Final = TITLE_CHARACTERS
# Of a longer line, only both ends are parsed for headings.
LINE_CHARACTERS: Final = 4 * HEADING_CHARACTERS

# Parsing the insides of blocks, which aren't needed, would take three quarters of the time.
_MARKDOWN = MarkdownIt("commonmark").enable("table").disable("inline")
# Every heading matches this, and hardly anything else. Most chats have no match and aren't parsed.
_HEADING_LINE = re.compile(r"^ {0,3}#{1,6} ", re.MULTILINE)
_HEADING_MARK = re.compile(r"(?:\A|[\r\n])[^\S\r\n]*+(?:\#|[=-]++[^\S\r\n]*+(?:[\r\n]|\Z))")
# Bounded everywhere, so that a thousand unmatched brackets cost little.
# A paragraph that is a piece of code: the signature of a function, a variable or an option.
_SIGNATURE = re.compile(r"^`[^`\n]{1,500}+`(?=\n\n|\Z)", re.MULTILINE)
_LINK = re.compile(
    r"!?\[(?P<label>[^\[\]\n]{0,1000}+)\]"
    r"\((?:<[^<>\n]{0,2000}+>|(?:[^)\s\]]|\](?!\()){0,2000}+)(?:\s{1,100}+\"[^\"\n]{0,500}+\")?\)"
)
# HTML that goes on behind blank lines: its beginnings, each with its end.
_HTML_ENDS: Final = {
    "<!--": "-->",
    "<?": "?>",
    "<![cdata[": "]]>",
    "<!": ">",
    **{f"<{tag}": f"</{tag}>" for tag in ("script", "pre", "style", "textarea")},
}
_FENCE_LINE = re.compile(r"[ \t>]{0,12}(?:[-*+][ \t]+)?(?P<fence>`{3,}|~{3,})")


# Without slots, so that slow properties are cached: an import reads them three times.
@dataclass(frozen=True)
class Passage:
    """A part of one document, as it is embedded and quoted.

    Attributes:
        text: the document's own Markdown.
        heading: the path of headings above it, outermost first, without the document's title.
        wordings: the document's wordings.
        document_language: the language of the whole document.
        section: the number of its section in the document, counting from 0.
        separator: the blanks between it and the passage before in its section.
        is_contents: whether it only leads to other text (`indexer.text.contents`).
    """

    document_id: str
    position: int
    title: str
    heading: str
    text: str
    wordings: tuple[str, ...] = ()
    document_language: str = ENGLISH
    section: int = 0
    separator: str = ""
    is_contents: bool = False

    @cached_property
    def embedded(self) -> str:
        """The embedded text: title, heading, text without link addresses, and wordings.

        Wordings come last, because the model may truncate the text. Each is also in `windows`.
        """
        return "\n".join((self._with_titles(without_link_targets(self.text)), *self.wordings))

    @cached_property
    def windows(self) -> tuple[str, ...]:
        """The texts of the windows, then each wording.

        Windows are runs of sentences of about `WINDOW_WORDS` words, half overlapping, with title
        and heading in front. A short passage has one window, with its whole text.
        """
        runs = map(self._with_titles, text_windows(without_link_targets(self.text)))
        return (*runs, *self.wordings)

    @cached_property
    def digests(self) -> tuple[bytes, ...]:
        """The digests of all texts to embed: the whole passage, then each of `windows`."""
        return tuple(digest(text) for text in (self.embedded, *self.windows))

    @cached_property
    def words(self) -> str:
        """The words of the embedded text in reading order, as they are stored.

        Unless the text is in English, a mark of its language is added (`language_mark`).
        """
        language = language_of(self.embedded, self.document_language)
        mark = [] if language == ENGLISH else [analyzer.language_mark(language)]
        return " ".join([*mark, *analyzer.words(self.embedded, language)])

    def _with_titles(self, text: str) -> str:
        return with_titles(self.title, self.heading, text)


def with_titles(title: str, heading: str, text: str) -> str:
    """A text with title and heading in front, as it is embedded."""
    return "\n".join(part for part in (title, heading, text) if part)


def digest(text: str) -> bytes:
    """The digest of an embedded text; equal texts share one vector."""
    return hashlib.sha256(text.encode()).digest()


def without_link_targets(text: str) -> str:
    """Markdown with each link replaced by its label, because addresses have no meaning to embed."""
    return _LINK.sub(lambda match: match["label"], text) if "](" in text else text


def passages(
    document: Document, count_tokens: Callable[[str], int], max_tokens: int
) -> list[Passage]:
    """Cut a document at its headings, and each section into pieces that fit the model.

    Args:
        document: the document.
        count_tokens: counts a text's tokens.
        max_tokens: the model's limit, for title, heading and text together.

    Returns:
        The passages in reading order, positions counting from 0. Blank sections have none.
    """
    cut = cut_passages(document, count_tokens, max_tokens)
    return [passage for passage in cut if passage is not None]


def cut_passages(
    document: Document, count_tokens: Callable[[str], int], max_tokens: int
) -> Iterator[Passage | None]:
    """Yield the `passages` of a document, and None between two steps of parsing a long document."""
    positions = itertools.count()
    language = document_language(document)
    title = _fitting(document.title, count_tokens, int(max_tokens * PREFIX_SHARE / 2))
    headings = len(_HEADING_LINE.findall(document.text))
    most = CROWDED_CHARACTERS * headings
    is_crowded = headings >= CROWDED_HEADINGS and len(document.text) <= most
    found = _sections_in_steps(document.text, document.title, keep_blank=is_crowded)
    numbers = itertools.count()
    own_headings = headings_in(document.text)
    stub = document.kind in (Kind.FILE, Kind.PAGE) and is_stub(document.title, document.text)
    for section in _merge_short(found) if is_crowded else found:
        if section is None:
            yield None
            continue
        path, body = section
        number, pieces_end = next(numbers), 0
        heading = _fitting(path, count_tokens, int(max_tokens * PREFIX_SHARE / 2))
        # Title, heading and text are counted apart; two tokens mark the ends of the whole.
        capacity = max_tokens - count_tokens(title) - count_tokens(heading) - 2
        for stretch in _stretches(body):
            for entry in _entries(stretch):
                for piece in _pieces(entry, count_tokens, max(capacity, 16)):
                    separator, pieces_end = _separator(body, pieces_end, piece)
                    yield Passage(
                        document.id,
                        next(positions),
                        title,
                        heading,
                        piece,
                        document.wordings,
                        language,
                        number,
                        separator,
                        stub or is_contents(piece, own_headings),
                    )


def _separator(body: str, end: int, piece: str) -> tuple[str, int]:
    """The blanks of a section between the offset `end` and its next piece, and the piece's end.

    A part of cut code has a fence line of its own, so it isn't found in the section.
    """
    start = body.find(piece, end)
    if start < 0 or body[end:start].strip():
        return "\n\n", end
    return body[end:start], start + len(piece)


def document_language(document: Document) -> str:
    """The language of a document; of its passages, too, unless they are surely in another one."""
    return language_of(f"{document.title}\n{document.text[:LANGUAGE_CHARACTERS]}")


def sections(text: str, title: str = "") -> Iterator[tuple[str, str]]:
    """The sections of a Markdown text as (heading path, body), in order.

    The words of a heading that is longer than a title are in the body, too. A `#` in a code fence
    or a quotation is not a heading. A heading equal to the document's title is left out of the
    path, unless another heading is above it.
    """
    return (section for section in _sections_in_steps(text, title) if section is not None)


def _merge_short(found: Iterator[tuple[str, str] | None]) -> Iterator[tuple[str, str] | None]:
    """Merge short neighbouring sections of the same parent; their headings become bold lines."""
    parent, size = "", 0
    parts: list[tuple[str, str]] = []

    def flush() -> Iterator[tuple[str, str]]:
        if len(parts) == 1 and parts[0][1]:
            yield parts[0]
        elif parts:
            named = ((path.rpartition(HEADING_SEPARATOR)[2], body) for path, body in parts)
            yield parent, "\n\n".join(f"**{name}**\n{body}".rstrip() for name, body in named)
        parts.clear()

    for section in found:
        if section is None:
            yield None
            continue
        path, body = section
        above = path.rpartition(HEADING_SEPARATOR)[0]
        grown = size + len(path) - len(above) + len(body)
        is_short = bool(path) and len(body) <= SHORT_CHARACTERS
        if not is_short or above != parent or grown > MERGED_CHARACTERS:
            yield from flush()
            parent, size, grown = above, 0, grown - size
        parts.append(section)
        size = grown
        if not is_short:
            yield from flush()
    yield from flush()


def _sections_in_steps(
    text: str, title: str, *, keep_blank: bool = False
) -> Iterator[tuple[str, str] | None]:
    """Yield the `sections`, and None between two chunks that are parsed for headings.

    With `keep_blank`, also sections that have only a heading, but no section inside.
    """
    lines = text.split("\n")
    path: dict[int, str] = {}
    start = 0
    last = (len(lines), len(lines), 0, "")
    for found in itertools.chain(_headings(text, lines), (last,)):
        if found is None:
            yield None
            continue
        first, end, level, heading = found
        body = "\n".join(lines[start:first]).strip("\n").rstrip()
        if body.strip() or (keep_blank and path and level <= max(path)):
            yield HEADING_SEPARATOR.join(path[key] for key in sorted(path)), body
        path = {key: value for key, value in path.items() if key < level}
        heading = without_own_id(heading)
        if heading and (path or heading.casefold() != title.casefold()):
            path[level] = heading
        start = end


def heading_lines(text: str) -> Iterator[tuple[int, int, str] | None]:
    """Yield the line number (from 1), the level and the words of each heading of a Markdown text.

    Between two chunks that are parsed, yield None.
    """
    for found in _headings(text, text.split("\n")):
        yield None if found is None else (found[0] + 1, found[2], found[3])


def _headings(
    text: str, lines: Sequence[str], chunk_characters: int = CHUNK_CHARACTERS
) -> Iterator[tuple[int, int, int, str] | None]:
    """Yield (first line, line after, level, text) of each heading, and None between two chunks.

    A heading that is too long is shortened. Its lines are text as well, so the line after is then
    its first line.
    """
    if _HEADING_MARK.search(text) is None:
        return
    for first, end in _chunks(lines, chunk_characters):
        if first:
            yield None
        tokens = _MARKDOWN.parse("\n".join(map(_ends_of_line, lines[first:end])))
        for token, inline in itertools.pairwise(tokens):
            if token.type == "heading_open" and token.level == 0 and token.map is not None:
                start, after = token.map
                words = " ".join(inline.content.split())
                if len(words) > HEADING_CHARACTERS:
                    words, after = f"{words[: HEADING_CHARACTERS - 1].rstrip()}…", start
                yield first + start, first + after, int(token.tag[1]), words


def _ends_of_line(line: str) -> str:
    """The line, or both ends of a line that is too long: a heading's mark is at one of them."""
    half = LINE_CHARACTERS // 2
    return line if len(line) <= LINE_CHARACTERS else f"{line[:half]} {line[-half:]}"


# Any other block of HTML ends at a blank line.
_BLANK: Final = " "
_HTML_BLOCK: Final = re.compile(r" {0,3}</?[A-Za-z]")


def _chunks(lines: Sequence[str], most: int) -> Iterator[tuple[int, int]]:
    """Ranges [first, last) of lines with about `most` characters, to be parsed separately.

    A range ends only before a `#` heading or a paragraph, and never inside a code fence or HTML. A
    range that reaches four times the size ends at any line, and one of `CHUNK_LINES` outside these.
    """
    first, size, until = 0, 0, ""
    for number, line in enumerate(lines):
        begins = bool(line[:1].strip()) and not lines[number - 1].strip()
        anew = not until and (line.startswith("#") or begins)
        many = not until and number - first >= CHUNK_LINES
        if (size >= most and anew) or size >= 4 * most or many:
            yield first, number
            first, size, until = number, 0, ""
        until = _closing_mark(line, until)
        size += len(line) + 1
    yield first, len(lines)


def _closing_mark(line: str, closing: str) -> str:
    """The closing mark of the code fence or HTML that is open after a line; empty if none is.

    `closing` is the closing mark of the code fence or HTML that is open before the line, or empty.
    """
    stripped = line.strip()
    if closing[:1] in ("`", "~"):
        return "" if stripped.startswith(closing) and not stripped.strip(closing[0]) else closing
    if closing == _BLANK:
        return closing if stripped else ""
    if closing:
        return "" if closing in stripped.lower() else closing
    if (opening := _FENCE_LINE.match(line)) is not None:
        return str(opening["fence"])
    for begins, ends in _HTML_ENDS.items():
        if stripped.lower().startswith(begins):
            return "" if ends in stripped.lower()[len(begins) :] else ends
    return _BLANK if _HTML_BLOCK.match(line) is not None else ""


def _stretches(body: str) -> Iterator[str]:
    """Cut the body into stretches of about `STRETCH_CHARACTERS`, each at the best place."""
    start = 0
    code = iter(fences(body) if len(body) > STRETCH_CHARACTERS else ())
    fence = next(code, None)
    again = ""
    while len(body) - start > STRETCH_CHARACTERS:
        end = start + STRETCH_CHARACTERS
        # Behind a full stop, and before blanks.
        places = (
            body.rfind(mark, start + 1, end) + len(mark.strip())
            for mark in ("\n\n", "\n", " ", "。")
        )
        cut_at = next((place for place in places if place > start), end)
        while fence is not None and fence[1] <= cut_at:
            fence = next(code, None)
        if fence is not None and start < fence[0] < cut_at < fence[1] <= fence[0] + CODE_CHARACTERS:
            cut_at = fence[0]
        opening, closing = _fence_at(body, fence, cut_at)
        yield f"{again}{body[start:cut_at]}{closing}"
        start, again = cut_at, opening
    yield f"{again}{body[start:]}"


def _fence_at(body: str, fence: tuple[int, int] | None, place: int) -> tuple[str, str]:
    """The fence lines that keep both parts valid if code is cut at `place`; empty outside code.

    Returns the opening line for the part after the cut, and the closing line for the part before
    it.
    """
    if fence is None or not fence[0] < place < fence[1]:
        return "", ""
    line_end = body.find("\n", fence[0], place)
    if line_end < 0:
        # The cut is in the opening line, before the code.
        return "", ""
    opening = body[fence[0] : line_end].strip()
    mark = fence_mark(opening)
    if len(opening) > OPENING_CHARACTERS:
        opening = mark = mark[:OPENING_CHARACTERS]
    return f"{opening}\n", f"\n{mark}"


def _entries(body: str) -> Iterator[str]:
    """Cut a reference at the signatures of its entries; short entries share a part."""
    signatures = [*_SIGNATURE.finditer(body)]
    # Overloads of one function stand above one another.
    above = {found.end() for found in signatures}
    starts = [found.start() for found in signatures if found.start() - 2 not in above]
    first = 0
    if len(starts) >= LEAST_ENTRIES:
        for start, after in itertools.pairwise([*starts, len(body)]):
            if first < start and after - first > MERGED_CHARACTERS:
                yield body[first:start].rstrip()
                first = start
    yield body[first:]


def _pieces(body: str, count_tokens: Callable[[str], int], capacity: int) -> Sequence[str]:
    """The whole body if it fits, otherwise its pieces."""
    fits = _token_count(body, count_tokens) <= capacity
    return (body,) if fits else _cut_pieces(body, count_tokens, capacity)


def _token_count(text: str, count_tokens: Callable[[str], int]) -> int:
    # A cut inside a link counts its address as well, which would be embedded.
    embedded = without_link_targets(text)
    return max(count_tokens(embedded), len(embedded) // CHARACTERS_A_TOKEN)


# A proposed note is first cut in slices, then where it is compared, shown and published.
@lru_cache(maxsize=64)
def _cut_pieces(body: str, count_tokens: Callable[[str], int], capacity: int) -> tuple[str, ...]:
    """A body in pieces of about equal size, cut at the best places.

    Cuts are between units (`indexer.text.sentences.units`), never between a lead-in ("Do
    this:") and its list or code. A unit too long for the model is cut between sentences or lines;
    code is cut only if it is too long to be quoted whole.
    """

    def count(text: str) -> int:
        # A text far too long isn't counted to its end.
        beginning = _token_count(text[: capacity * TRIED_CHARACTERS], count_tokens)
        if beginning > 2 * capacity or len(text) <= capacity * TRIED_CHARACTERS:
            return beginning
        return _token_count(text, count_tokens)

    whole = _token_count(body, count_tokens)
    even = min(capacity, math.ceil(whole / math.ceil(whole / capacity) * 1.1))
    splitter = MarkdownSplitter.from_callback(count, (max(even * 3 // 4, 1), even))
    parts = steps_and_units(body)
    starts = [start for start, _ in parts]
    cuts: list[tuple[int, str, str]] = []
    first = 0
    ends = [start for start, _ in splitter.chunk_indices(body)][1:]
    while ends:
        end = ends.pop(0)
        cut_at = _cut_at(body, parts, first, end)
        if cut_at > end:
            ends = [later for later in ends if later > cut_at]
        elif cut_at < end and count(body[cut_at : [*ends, len(body)][0]]) > capacity:
            ends = [cut_at + start for start, _ in splitter.chunk_indices(body[cut_at:])][1:]
        place = bisect_left(starts, cut_at) - 1
        fence = parts[place] if place >= 0 else (0, 0)
        is_code = cut_at < fence[1] and body.startswith(FENCES, fence[0])
        opening, closing = _fence_at(body, fence if is_code else None, cut_at)
        if cuts and cut_at - first < REMAINDER_CHARACTERS and not (opening or cuts[-1][1]):
            before = cuts[-2][0] if len(cuts) > 1 else 0
            if count(body[before:cut_at]) <= capacity:
                cuts.pop()
        cuts.append((cut_at, opening, closing))
        first = cut_at
    if cuts and len(body) - first < REMAINDER_CHARACTERS:
        _join_remainder(body, parts, cuts, lambda text: count(text) <= capacity)
    bounds = _without_bare_fences(body, [(0, "", ""), *cuts, (len(body), "", "")])
    pieces = (
        f"{opening}{body[start:end].rstrip()}{closing}"
        for (start, opening, _), (end, _, closing) in itertools.pairwise(bounds)
    )
    return tuple(filter(str.strip, pieces))


def _join_remainder(
    body: str,
    parts: Sequence[tuple[int, int]],
    cuts: list[tuple[int, str, str]],
    fits: Callable[[str], bool],
) -> None:
    """Drop the last cut, or move it up, so that the last piece isn't too short."""
    first, opening, _ = cuts[-1]
    before = cuts[-2][0] if len(cuts) > 1 else 0
    is_code = bool(opening) or body[:first].rstrip().endswith(FENCES)
    last = max(
        (
            unit[0]
            for unit_above, unit in itertools.pairwise(parts)
            if before < unit[0] < first and not introduces(body, unit_above, unit)
        ),
        default=0,
    )
    if is_code or fits(body[before:]):
        cuts.pop()
    elif last and fits(body[last:]):
        cuts[-1] = (last, "", "")


def _without_bare_fences(
    body: str, bounds: Sequence[tuple[int, str, str]]
) -> list[tuple[int, str, str]]:
    """The bounds of pieces, with none right below the opening line of code.

    The line belongs to the code, even if the code's first line is too long for the model.
    """
    kept = [bounds[0]]
    for place, opening, closing in bounds[1:]:
        piece = body[kept[-1][0] : place].strip()
        if not opening or piece != opening.strip():
            kept.append((place, opening, closing))
        elif len(kept) == 1:
            kept[0] = (place, opening, "")
    return kept


def _cut_at(body: str, parts: Sequence[tuple[int, int]], first: int, end: int) -> int:
    """The best place to end a piece that begins at `first` and may extend to `end`."""
    best = first
    said = first + len(body[first:end].rstrip())
    # A unit that begins before the piece counts only if it goes on in it.
    begun = max(bisect_left(parts, (first, 0)) - 1, 0)
    for place, (start, after) in enumerate(parts[begun:], begun):
        before = parts[place - 1] if place else (first, first)
        announced = place > 0 and introduces(body, before, (start, after))
        if start > first and not announced and not body[end:start].strip():
            line = body.rfind("\n", max(first, before[0]), start) + 1
            best = line if line > first and not body[line:start].strip() else start
            if best >= said:
                return end
        if best == first and start < end < after:
            return _cut_in(body, (start, after), first, end)
        if start >= end:
            if best > first or not announced:
                return best
            # Only the unit's announcement fits, so the unit stays with it.
            too_long = body.startswith(ROW, start) and after - first > CODE_CHARACTERS
            most = first + CODE_CHARACTERS
            return _cut_between_rows(body, (start, after), first, most) if too_long else after
    return best if best > first else end


def _cut_in(body: str, unit: tuple[int, int], first: int, end: int) -> int:
    """`_cut_at` for a piece inside one unit."""
    if body.startswith(FENCES, unit[0]):
        if unit[1] - unit[0] <= CODE_CHARACTERS:
            return unit[1]
        line = body.rfind("\n", max(first, unit[0]) + 1, end) + 1
        return line if line > body.find("\n", unit[0]) + 1 else end
    if body.startswith(ROW, unit[0]):
        return _cut_between_rows(body, unit, first, end)
    if is_steps(body, unit):
        return unit[1]
    inside = spans_within(sentences(body), max(first, unit[0]) + 1, end + 1)
    return inside[-1][0] if inside else end


def _cut_between_rows(body: str, table: tuple[int, int], first: int, end: int) -> int:
    """`_cut_at` in a table: after a row, but not right after the header.

    A row is cut only if it is too long to be quoted whole.
    """
    rows = spans_within(sentences(body), *table)
    headed = has_header([body[slice(*row)] for row in rows[:3]])
    places = spans_within(rows[3 if headed else 1 :], first + 1, table[1])
    if fitting := spans_within(places, first + 1, end + 1):
        return fitting[-1][0]
    whole = places[0][0] if places else table[1]
    return whole if whole - max(first, table[0]) <= CODE_CHARACTERS else end


@lru_cache(maxsize=256)
def _fitting(text: str, count_tokens: Callable[[str], int], max_tokens: int) -> str:
    """The text, truncated by words until it fits."""
    words = text.split()
    while words and count_tokens(" ".join(words)) > max_tokens:
        # Scripts without blanks have one long word.
        words = words[: len(words) * 3 // 4] or [words[0][: len(words[0]) * 3 // 4]]
    return " ".join(words)

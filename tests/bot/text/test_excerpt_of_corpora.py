"""Every excerpt of every document of real corpora: whole in all its parts, and nothing else."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import frontmatter
import pytest
from markdown_it import MarkdownIt

from bot.text.excerpt import excerpt
from bot.text.markdown import MESSAGE_CHARACTERS, shown
from indexer.text.passages import passages, sections
from indexer.text.sentences import announces, sentences
from knowledge.model.documents import SHARED, Document, Kind

ROOT = Path(__file__).parents[3]
CORPORA: Final = ("backup-faq", "desktop-how-tos", "survival-game", "articles")
LIMITS: Final = (600, 480, 270)

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_GAP = re.compile(r"(?<=\s)(?<!\| )…(?=\s)")
_FENCE = re.compile(r"^(?:> ?)?\s*(?:(?:[-*+]|\d+\.)\s+)?```", re.MULTILINE)


def documents(name: str) -> Iterator[Document]:
    if name == "articles":
        for path in sorted((ROOT / "knowledge" / "articles").glob("*.md")):
            read = frontmatter.load(str(path))
            yield Document(path.stem, SHARED, Kind.ARTICLE, str(read["title"]), read.content)
        return
    lines = (ROOT / "indexer" / "evaluation" / "judged" / name / "corpus.jsonl").read_text(
        encoding="utf-8"
    )
    for row in map(json.loads, lines.splitlines()):
        yield Document(row["_id"], SHARED, Kind.FILE, row["title"], row["text"])


def _tokens(text: str) -> int:
    """About as many as the default model counts."""
    return len(re.findall(r"\w{1,6}|[^\w\s]", text))


def _squeezed(text: str) -> str:
    return "".join(text.replace("**", "").split())


def _whole(text: str) -> list[tuple[int, int]]:
    """What may not be cut, as another reader of Markdown finds it: code, rows, and sentences."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    blocks = [
        (starts[token.map[0]], min(starts[token.map[1]], len(text)))
        for token in _MARKDOWN.parse(text)
        if token.map is not None and token.type in ("fence", "code_block", "tr_open")
    ]
    items = re.finditer(
        r"^[ \t]*(?:[-*+•]|\d+\.)[ \t].*(?:\n[ \t]+(?![-*+•]|\d+\.)\S.*)*", text, re.M
    )
    return [*blocks, *(item.span() for item in items), *sentences(text)]


def _is_inside(text: str, place: int, whole: tuple[int, int]) -> bool:
    start, end = whole
    return (
        start < place < end
        and bool(_squeezed(text[start:place]).strip("*_"))
        and bool(_squeezed(text[place:end]).strip("*_"))
    )


def _place_in(text: str, body: str) -> tuple[int, int]:
    """Where an excerpt without its marks stands in a text."""
    kept = [i for i, sign in enumerate(text) if not sign.isspace()]
    bold = [i for i in kept if "**" in (text[i : i + 2], text[max(i - 1, 0) : i + 1])]
    kept = [i for i in kept if i not in bold]
    start = _squeezed(text).index(_squeezed(body))
    return kept[start], kept[start + len(_squeezed(body)) - 1] + 1


def _check(text: str, limit: int, deciding: tuple[int, int] | None) -> None:
    body, is_cut = excerpt(text, limit, deciding, MESSAGE_CHARACTERS)
    for made in (body, shown(body)):
        assert not re.search(r"…[^\n]*```|```[^\n]*…", made)
        assert len(_FENCE.findall(made)) == made.count("```")
        assert made.count("```") % 2 == 0
    said = body.removeprefix("…").removesuffix("…").strip() if is_cut else body
    assert is_cut or _squeezed(said) == _squeezed(text)
    # Between an opening and what answers, something may be left out.
    runs = _GAP.split(said) if is_cut else [said]
    assert len(runs) <= 2
    end = 0
    for run in runs:
        # Rows further down stand below the head of their table, with what is left out between.
        head, _, rows = run.rpartition("| … |\n")
        assert head.strip() in text
        start, end = _place_in(text, rows if head else run)
        for whole in _whole(text):
            assert not _is_inside(text, start, whole), (text[slice(*whole)], body)
            assert not _is_inside(text, end, whole), (text[slice(*whole)], body)
    last = text[slice(*next(one for one in reversed(sentences(text)) if one[0] < end))]
    # What the whole section ends with, and answers, is all there is to say.
    assert not announces(last) or (deciding and last == text[slice(*deciding)]), body


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=() if one == "articles" else pytest.mark.slow) for one in CORPORA],
)
def test_every_excerpt_is_whole_in_all_its_parts(name: str) -> None:
    checked = 0
    for document in documents(name):
        for passage in passages(document, _tokens, 256):
            spans = sentences(passage.text)
            for deciding in (None, *spans):
                for limit in LIMITS:
                    _check(passage.text, limit, deciding)
                    checked += 1
    assert checked > 1_000


@pytest.mark.parametrize("name", CORPORA)
def test_nothing_of_a_document_is_lost_or_doubled_and_no_passage_ends_inside_code(
    name: str,
) -> None:
    for document in documents(name):
        cut = passages(document, _tokens, 256)
        bodies = "".join(body for _, body in sections(document.text, document.title))
        assert "".join("".join(one.text.split()) for one in cut) == "".join(bodies.split())
        assert all(one.text.count("```") % 2 == 0 for one in cut)
        neighbours = itertools.pairwise(cut)
        ends = [one.text for one, after in neighbours if one.heading == after.heading]
        assert not [text for text in ends if announces(text[sentences(text)[-1][0] :])]

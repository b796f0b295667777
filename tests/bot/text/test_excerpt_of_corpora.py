"""Every excerpt of every document of real corpora: whole in all its parts, and nothing else."""

import itertools
import json
import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Final

import frontmatter
import pytest

from bot.text.excerpt import excerpt
from bot.text.markdown import safe_markdown
from indexer.text.passages import passages, sections
from indexer.text.sentences import FENCES, announces, sentences
from knowledge.values.documents import SHARED, Document, Kind

ROOT = Path(__file__).parents[3]
CORPORA: Final = ("backup-faq", "desktop-how-tos", "survival-game", "articles")
LIMITS: Final = (19, 16, 9)

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


def _bounds(text: str) -> tuple[str, set[int]]:
    """A text without blanks and marks, and where in it an excerpt may begin or end.

    That is between sentences, rows, and lines of code.
    """
    parts = [text[slice(*span)] for span in sentences(text)]
    wholes = [
        whole
        for part in parts
        for whole in (part.split("\n") if part.startswith(FENCES) else [part])
        if not whole.lstrip().startswith(FENCES)
    ]
    ends = itertools.accumulate(map(len, map(_squeezed, wholes)))
    return "".join(map(_squeezed, wholes)), {0, *ends}


def _may_be_cut_out(run: str, squeezed: str, bounds: Set[int]) -> bool:
    lines = (line for line in run.split("\n") if not line.lstrip().startswith(FENCES))
    part = _squeezed("".join(lines))
    starts = (start for start in bounds if squeezed.startswith(part, start))
    return any(start + len(part) in bounds for start in starts)


def _check(text: str, limit: int, deciding: tuple[int, int] | None) -> None:
    body, is_cut = excerpt(text, limit, deciding)
    for made in (body, safe_markdown(body)):
        assert not re.search(r"…[^\n]*```|```[^\n]*…", made)
        assert len(_FENCE.findall(made)) == made.count("```")
        assert made.count("```") % 2 == 0
    said = body.removeprefix("…").removesuffix("…").strip() if is_cut else body
    assert is_cut or _squeezed(said) == _squeezed(text)
    # Between an opening and what answers, something may be left out.
    runs = _GAP.split(said) if is_cut else [said]
    assert len(runs) <= 2
    squeezed, bounds = _bounds(text)
    for run in runs:
        # Rows further down stand below the head of their table, with what is left out between.
        head, _, rows = run.rpartition("| … |\n")
        assert head.strip() in text
        assert _may_be_cut_out(rows if head else run, squeezed, bounds), (text, body)
    said = runs[-1].replace("**", "")
    last = said[slice(*sentences(said)[-1])]
    # What the whole section ends with, and answers, is all there is to say.
    answers = text[slice(*(deciding or sentences(text)[0]))].replace("**", "")
    assert not announces(last) or last == answers, body


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=() if one == "articles" else pytest.mark.slow) for one in CORPORA],
)
def test_every_excerpt_is_whole_in_all_its_parts(name: str) -> None:
    checked = 0
    for document in documents(name):
        for passage in passages(document, _tokens, 256):
            spans = sentences(passage.text)
            # A third of the sentences, others in each passage.
            for deciding in (None, *spans[passage.position % 3 :: 3]):
                for limit in LIMITS:
                    _check(passage.text, limit, deciding)
                    checked += 1
    assert checked > 400


@pytest.mark.parametrize("name", CORPORA)
def test_documents_are_whole_and_code_is_never_split(name: str) -> None:
    for document in documents(name):
        cut = passages(document, _tokens, 256)
        bodies = "".join(body for _, body in sections(document.text, document.title))
        assert "".join("".join(one.text.split()) for one in cut) == "".join(bodies.split())
        assert all(one.text.count("```") % 2 == 0 for one in cut)
        neighbours = itertools.pairwise(cut)
        ends = [one.text for one, after in neighbours if one.heading == after.heading]
        assert not [text for text in ends if announces(text[sentences(text)[-1][0] :])]

"""Judged sets: questions, and which documents answer them.

A set is in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv` (or `qrels/test.tsv`), and
optionally `unanswerable.jsonl`, or is harvested from answers that people accepted.

Errors:
    Exception
    └── JudgedSetError    a judged set that can't be read or harvested; what was found and expected
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from indexer.metrics import Judgements
from knowledge.model import SHARED, Document, Kind, Scope
from knowledge.questions import Question

# A harvested set of fewer questions says nothing: one of 20 is already a twentieth of every figure.
LEAST_HARVEST: Final = 20


class JudgedSetError(Exception):
    """A judged set can't be read; the message names the file and what was expected."""


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Documents, questions and what is relevant to what.

    `scopes` says from which scopes a question is asked; one that is absent is asked from `SHARED`.
    """

    documents: Sequence[Document]
    queries: Mapping[str, str]
    judgements: Judgements
    unanswerable: Mapping[str, str] = field(default_factory=dict)
    scopes: Mapping[str, Sequence[Scope]] = field(default_factory=dict)


def judged_set(folder: Path) -> JudgedSet:
    """Read a judged set.

    Raises:
        JudgedSetError: if a file is missing or a line is not what it should be.
    """
    documents = [
        Document(
            id=str(row["_id"]),
            scope=SHARED,
            kind=Kind.FILE,
            title=str(row.get("title") or ""),
            text=str(row.get("text") or ""),
        )
        for row in _json_lines(folder / "corpus.jsonl")
    ]
    queries = _texts(folder / "queries.jsonl")
    judgements = _judgements(folder)
    unanswerable = folder / "unanswerable.jsonl"
    return JudgedSet(
        documents=documents,
        queries={key: text for key, text in queries.items() if key in judgements},
        judgements=judgements,
        unanswerable=_texts(unanswerable) if unanswerable.exists() else {},
    )


def _texts(path: Path) -> dict[str, str]:
    return {str(row["_id"]): str(row.get("text") or "") for row in _json_lines(path)}


def _json_lines(path: Path) -> Iterator[dict[str, object]]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise JudgedSetError(f"{path}, line {number}, is not JSON: {error}.") from error
        if not isinstance(row, dict) or "_id" not in row:
            raise JudgedSetError(f"{path}, line {number}, has no `_id`.")
        yield row


def _lines(path: Path) -> list[str]:
    try:
        # Not splitlines: a text may hold a line separator of another kind.
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise JudgedSetError(
            f"{path} can't be read ({error}). A judged set is a folder with corpus.jsonl, "
            "queries.jsonl and qrels.tsv."
        ) from error


def _judgements(folder: Path) -> dict[str, dict[str, int]]:
    paths = [
        path for path in (folder / "qrels.tsv", folder / "qrels" / "test.tsv") if path.exists()
    ]
    if not paths:
        raise JudgedSetError(f"{folder} has neither qrels.tsv nor qrels/test.tsv.")
    judgements: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_lines(paths[0]), start=1):
        fields = line.split("\t")
        if len(fields) < 3 or (number == 1 and not fields[2].strip().isdigit()):
            continue
        if not fields[2].strip().lstrip("-").isdigit():
            raise JudgedSetError(f"{paths[0]}, line {number}: the grade is {fields[2]!r}.")
        if int(fields[2]) > 0:
            judgements.setdefault(fields[0], {})[fields[1]] = int(fields[2])
    return judgements


def harvested(accepted: Iterable[Question], documents: Sequence[Document]) -> JudgedSet:
    """A judged set of answers that people accepted: each first hit's document is relevant.

    Questions asked in the same words in the same guild are one, so that a popular one does not
    decide alone. One whose document is gone, or can't be seen from there any more, is passed over.
    What people accepted is what the retriever of that time put first: such a set shows whether a
    change loses good answers, hardly whether it finds better ones.

    Args:
        accepted: as `Store.accepted_questions` gives them.
        documents: the corpus as it is now.

    Raises:
        JudgedSetError: if fewer than `LEAST_HARVEST` questions are left.
    """
    scope_of = {document.id: document.scope for document in documents}
    ids: dict[tuple[str, int | None], str] = {}
    queries: dict[str, str] = {}
    judgements: dict[str, dict[str, int]] = {}
    scopes: dict[str, Sequence[Scope]] = {}
    for question in accepted:
        document = question.hits[0].document_id if question.hits else ""
        seen = (SHARED,) if question.guild_id is None else (SHARED, Scope(question.guild_id))
        if scope_of.get(document) not in seen:
            continue
        words = " ".join(question.text.casefold().split())
        key = ids.setdefault((words, question.guild_id), str(question.id))
        queries.setdefault(key, question.text)
        judgements.setdefault(key, {})[document] = 1
        scopes[key] = seen
    if len(queries) < LEAST_HARVEST:
        raise JudgedSetError(
            f"{len(queries)} answers have been found helpful, by somebody and unhelpful by nobody, "
            f"whose documents are still there: a set needs {LEAST_HARVEST} different questions. "
            "Ask members to press Helpful, or name a judged set's folder."
        )
    return JudgedSet(documents, queries, judgements, scopes=scopes)

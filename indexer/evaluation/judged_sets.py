"""Judged sets: questions with their relevant documents.

A set is harvested from answers that people accepted, or read from a folder in BEIR's layout:
`corpus.jsonl`, `queries.jsonl`, `qrels.tsv` (or `qrels/test.tsv`) and maybe `unanswerable.jsonl`.

Errors:
    Exception
    └── JudgedSetError    a judged set can't be read or harvested; the message gives the reason
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from indexer.evaluation.metrics import Judgements
from indexer.index.stored_passage import StoredPassage
from knowledge.values.documents import ARTICLES, SHARED, Document, Kind, Scope
from knowledge.values.questions import Question

# The shipped sets, by name; each folder's README names the owners of the documents.
COMMITTED: Final = {
    name: Path(__file__).parent / "judged" / name
    for name in ("backup-faq", "desktop-how-tos", "survival-game")
}

# In a smaller harvested set, one question would be more than a twentieth of every figure.
LEAST_HARVEST: Final = 20

# Compared characters of a heading: a passage keeps only as much of a long one as fits its model.
_COMPARED: Final = 40


class JudgedSetError(Exception):
    """A judged set can't be read or harvested; the message gives the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Documents, questions and judgements of relevance.

    Attributes:
        scopes: the scopes that a question is asked from; by default `SHARED`.
        foreign: the ids of unanswerable questions on another subject (`"kind": "foreign"` in the
            file).
        headings: the answering section's heading by question and document, where known.
    """

    documents: Sequence[Document]
    queries: Mapping[str, str]
    judgements: Judgements
    unanswerable: Mapping[str, str] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    scopes: Mapping[str, Sequence[Scope]] = field(default_factory=dict)
    headings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def is_answered_by(self, question: str, passage: StoredPassage) -> bool:
        """Whether a passage is from a relevant document, and from the judged section if known."""
        if passage.document_id not in self.judgements[question]:
            return False
        heading = self.headings.get(question, {}).get(passage.document_id, "")
        return plain_heading(heading)[:_COMPARED] in plain_heading(
            f"{passage.title} {passage.heading}"
        )


def plain_heading(heading: str) -> str:
    """A heading reduced to letters and digits; other signs may be markup or escapes."""
    return "".join(filter(str.isalnum, re.sub(r"<[^<>]*>", "", heading))).casefold()


def judged_set(folder: Path) -> JudgedSet:
    """Read a judged set.

    Raises JudgedSetError if a file is missing, a line is malformed, an id is repeated or unknown,
    or nothing is judged.
    """
    documents = [
        Document(
            id=key,
            scope=SHARED,
            kind=Kind.FILE,
            title=str(row.get("title") or ""),
            text=str(row.get("text") or ""),
        )
        for key, row in read_rows(folder / "corpus.jsonl").items()
    ]
    return with_judgements(folder, documents, read_questions(folder / "queries.jsonl"))


def with_judgements(
    folder: Path,
    documents: Sequence[Document],
    queries: Mapping[str, str],
    source: str = "corpus.jsonl",
) -> JudgedSet:
    """Make a judged set of a folder's judgements, these documents and these questions.

    Error messages say that the documents are from `source`. Raises JudgedSetError if a judgement
    names an unknown question or document, or nothing is judged.
    """
    places = (folder / "qrels.tsv", folder / "qrels" / "test.tsv")
    path = next((path for path in places if path.exists()), None)
    if path is None:
        raise JudgedSetError(f"{folder} has neither qrels.tsv nor qrels/test.tsv.")
    judgements, headings = _judgements(path)
    known = {document.id for document in documents}
    for what, missing, place in (
        ("questions", [key for key in judgements if key not in queries], "queries.jsonl"),
        ("documents", [key for some in judgements.values() for key in some if key not in known],
         source),
    ):  # fmt: skip
        if missing:
            raise JudgedSetError(
                f"{path} judges {what} that {place} does not have: {missing[0]!r}, "
                f"{len(set(missing)):,} in all. Add them there, or take their lines out."
            )
    file = folder / "unanswerable.jsonl"
    kinds = {key: row.get("kind") for key, row in read_rows(file).items()} if file.exists() else {}
    return JudgedSet(
        documents=documents,
        queries={key: text for key, text in queries.items() if key in judgements},
        judgements=judgements,
        unanswerable=read_questions(file) if file.exists() else {},
        foreign=frozenset(key for key, kind in kinds.items() if kind == "foreign"),
        headings=headings,
    )


def read_questions(path: Path) -> dict[str, str]:
    """The questions of a file by their `_id`.

    Raises JudgedSetError if the file can't be read, or a question has no words.
    """
    found = {key: str(row.get("text") or "") for key, row in read_rows(path).items()}
    blank = next((key for key, text in found.items() if not text.strip()), None)
    if blank is not None:
        raise JudgedSetError(f"{path}: the question {blank!r} has no `text`.")
    return found


def read_rows(path: Path) -> dict[str, dict[str, object]]:
    """The objects of a file by their `_id`.

    Raises JudgedSetError if the file can't be read, or an id is missing or repeated.
    """
    found: dict[str, dict[str, object]] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise JudgedSetError(f"{path}, line {number}, is not JSON: {error}.") from error
        if not isinstance(row, dict) or "_id" not in row:
            raise JudgedSetError(f"{path}, line {number}, has no `_id`.")
        key = str(row["_id"])
        if key in found:
            raise JudgedSetError(f"{path}, line {number}: the id {key!r} was there before.")
        found[key] = row
    return found


def _lines(path: Path) -> list[str]:
    try:
        # Not splitlines: a text may hold a line separator of another kind.
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise JudgedSetError(
            f"{path} can't be read: {reason}. A judged set is a folder with corpus.jsonl, "
            "queries.jsonl and qrels.tsv."
        ) from error


def _judgements(path: Path) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, str]]]:
    """The grades, and the headings of the answering sections, by question and document."""
    judgements: dict[str, dict[str, int]] = {}
    headings: dict[str, dict[str, str]] = {}
    named = 3
    for number, line in enumerate(_lines(path), start=1):
        fields = [field.strip() for field in line.split("\t")]
        # The first line may name the columns; a fourth one is for headings.
        if not line.strip() or (number == 1 and not fields[-1].isdigit()):
            named = max(named, len(fields))
            continue
        if len(fields) != named:
            raise JudgedSetError(
                f"{path}, line {number}, has {len(fields)} columns; expected are the ids of a "
                "question and of a document and a grade, with a tab between them."
            )
        question, document, grade, *heading = fields
        if not grade.removeprefix("-").isdecimal():
            raise JudgedSetError(
                f"{path}, line {number}: the grade is {grade!r}; expected is a whole number."
            )
        if int(grade) > 0:
            judgements.setdefault(question, {})[document] = int(grade)
            if any(heading):
                headings.setdefault(question, {})[document] = heading[0]
    if not judgements:
        raise JudgedSetError(f"{path} names no document with a grade above 0: nothing is judged.")
    return judgements, headings


def harvest(accepted: Iterable[Question], documents: Sequence[Document]) -> JudgedSet:
    """A judged set of accepted answers: the document of an answer's first hit is relevant.

    Equal questions of one guild count once. Follow-ups are left out, because they make no sense
    alone, and so are questions whose document is deleted or no longer visible.

    People could accept only results that an earlier retriever had found. So the set shows whether a
    new retriever loses good answers, but hardly whether it finds better ones. Raises JudgedSetError
    if fewer than `LEAST_HARVEST` questions are left.
    """
    scope_of = {document.id: document.scope for document in documents}
    ids: dict[tuple[str, int | None], str] = {}
    queries: dict[str, str] = {}
    judgements: dict[str, dict[str, int]] = {}
    scopes: dict[str, Sequence[Scope]] = {}
    for question in accepted:
        document = question.hits[0].document_id if question.hits else ""
        guild = () if question.guild_id is None else (Scope(question.guild_id),)
        seen = (SHARED, ARTICLES, *guild)
        if question.earlier or scope_of.get(document) not in seen:
            continue
        words = " ".join(question.text.casefold().split())
        key = ids.setdefault((words, question.guild_id), str(question.id))
        queries.setdefault(key, question.text)
        judgements.setdefault(key, {})[document] = 1
        scopes[key] = seen
    if len(queries) < LEAST_HARVEST:
        raise JudgedSetError(
            f"{len(queries)} answers can be judged: Helpful for somebody, Unhelpful for nobody, no "
            f"follow-up, and with a document that still exists. A set needs {LEAST_HARVEST} "
            "different questions. Ask members to press Helpful, or name a judged set's folder."
        )
    return JudgedSet(documents, queries, judgements, scopes=scopes)

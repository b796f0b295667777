"""Page sets: judged questions over pages of public repositories, read from checkouts.

No page is copied: a set holds `set.toml`, `queries.jsonl`, `qrels.tsv` and `unanswerable.jsonl`. A
document's id is its path in the repository; a digest stands for the answering heading. Published
data sets are not copied at all: the ids in `queries.jsonl` name their rows.

Errors:
    JudgedSetError    a set or its checkout can't be read, or they don't fit each other
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import yaml

from indexer.evaluation.judged_sets import (
    JudgedSet,
    JudgedSetError,
    plain_heading,
    read_questions,
    read_rows,
    with_judgements,
)
from indexer.text.passages import heading_lines
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import parse_bytes, read_content
from knowledge.files.scan import files_of
from knowledge.files.site_addresses import without_own_id
from knowledge.values.documents import SHARED, Document, Failure, Kind

_HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
# Rasa's training data marks names: `[words](kind)`, or with an object instead of the kind.
_MARKED: Final = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")

_Faq = tuple[Sequence[Document], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class PageSource:
    """The origin of a set's pages: `set.toml`.

    Pages are `folders` of the repository, or its `faq` in one of the layouts of `_FAQS`. Sets
    `for_reporting` are asked once, at the end: nothing is fitted or chosen by them.
    """

    repository: str
    commit: str
    folders: Sequence[str] = ()
    faq: str = ""
    for_reporting: bool = False


def page_source(folder: Path) -> PageSource:
    """Read the origin of a set's pages.

    Raises:
        JudgedSetError: if `set.toml` is missing or malformed.
    """
    path = folder / "set.toml"
    try:
        return PageSource(**tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise JudgedSetError(f"{path} can't be read: {error}.") from error


def page_set(folder: Path, checkouts: Path) -> JudgedSet:
    """Read a set together with its pages, from `checkouts/OWNER+NAME`.

    The parsers are those of an imported folder.

    Raises:
        JudgedSetError: if the checkout is missing or at another commit, or the set names a missing
            page, heading or row.
    """
    source = page_source(folder)
    checkout = checkouts.resolve() / source.repository.replace("/", "+")
    _check_commit(checkout, source)
    if source.faq:
        documents, asked = _FAQS[source.faq](checkout)
        ids = read_rows(folder / "queries.jsonl")
        lacking = [key for key in ids if key not in asked]
        if lacking:
            raise JudgedSetError(f"{checkout} has no row {lacking[0]!r}, which {folder} names.")
        queries = {key: asked[key] for key in ids}
    else:
        documents = [page for name in source.folders for page in _pages(checkout, checkout / name)]
        queries = read_questions(folder / "queries.jsonl")
    return _with_headings(with_judgements(folder, documents, queries, str(checkout)), folder)


def _check_commit(checkout: Path, source: PageSource) -> None:
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if told.stdout.strip() != source.commit:
        raise JudgedSetError(
            f"{checkout} is not {source.repository} at {source.commit}: clone it there, and check "
            "that commit out."
        )


def _pages(checkout: Path, folder: Path) -> list[Document]:
    """The pages in a folder; unreadable files are left out, as in an import."""
    pages = []
    for found in files_of(folder):
        if isinstance(found, Failure):
            raise JudgedSetError(f"{found.source} {found.reason}")
        path, _ = found
        try:
            page = parse_bytes(read_content(path), name=path.name)
        except UnreadableError:
            continue
        key = path.relative_to(checkout).as_posix()
        pages.append(Document(key, SHARED, Kind.FILE, page.title, page.text, tags=page.tags))
    return pages


def _with_headings(found: JudgedSet, folder: Path) -> JudgedSet:
    """The set with headings in place of their digests."""
    there = {
        document.id: {
            digest(heading): heading for heading in (document.title, *_headings_of(document))
        }
        for document in found.documents
    }
    headings: dict[str, dict[str, str]] = {}
    for question, digests in found.headings.items():
        for document, key in digests.items():
            if key not in there[document]:
                raise JudgedSetError(
                    f"{folder}: {document} has no heading with the digest {key}, which answers "
                    f"{question}."
                )
            headings.setdefault(question, {})[document] = there[document][key]
    return replace(found, headings=headings)


def _headings_of(document: Document) -> list[str]:
    """All headings, in code and comments and underlined ones, too."""
    underlined = [words for _, _, words in filter(None, heading_lines(document.text))]
    return [*map(without_own_id, (*_HEADING.findall(document.text), *underlined))]


def digest(heading: str) -> str:
    """The digest of a heading in `qrels.tsv`, so that its words are not copied."""
    return sha256(plain_heading(heading).encode()).hexdigest()[:8]


def _covid_faq(checkout: Path) -> _Faq:
    """The FAQ and its users' questions, in one file (`ML-Recipes/BERT-FAQ`)."""
    pairs = json.loads((checkout / "data/CovidFAQ/query_answer_pairs.json").read_text("utf-8"))
    items = [pair for pair in pairs if pair["query_type"] == "faq"]
    documents = [
        Document(pair["id"], SHARED, Kind.FILE, pair["question"], pair["answer"]) for pair in items
    ]
    return documents, {str(row): pair["question"] for row, pair in enumerate(pairs)}


def _rasa_faq(checkout: Path) -> _Faq:
    """The answers of a bot and its users' questions, by intent (`RasaHQ/rasa-demo`)."""
    folder = checkout / "data/nlu"
    answers = yaml.safe_load((folder / "responses/responses.yml").read_text("utf-8"))["responses"]
    documents = [
        Document(key, SHARED, Kind.FILE, key.split("/")[1].replace("_", " "), said[0]["text"])
        for key, said in answers.items()
        if key.startswith("utter_faq/")
    ]
    intents = yaml.safe_load((folder / "faq.yml").read_text("utf-8"))["nlu"]
    return documents, {
        f"{intent['intent']}:{row}": _MARKED.sub(r"\1", example.removeprefix("- "))
        for intent in intents
        for row, example in enumerate(intent["examples"].strip().split("\n"))
    }


_FAQS: Final[Mapping[str, Callable[[Path], _Faq]]] = {
    "covid-faq": _covid_faq,
    "rasa-demo": _rasa_faq,
}

"""Parsers of CSV and JSON: lists of questions with their answers, and tables row by row.

A question and its answer become a section with the question as the heading. So the question is
embedded with every passage of the answer, and shown in citations. In other tables, each row becomes
a list item with the names of its columns, and can be understood without the header row.
"""

import csv
import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from markdown_it import MarkdownIt

from knowledge.files.parsed_file import MAX_DEPTH, ParsedFile, UnreadableError, one_line
from knowledge.text import QUESTION_MARKS

MAX_ROWS: Final = 50_000
MAX_COLUMNS: Final = 200
# Values in a JSON file: five for each of `MAX_ROWS` pairs. Ten megabytes can hold three million.
MAX_VALUES: Final = 250_000
DELIMITERS: Final = (",", ";", "\t", "|")

QUESTION_KEYS: Final = (
    "question",
    "q",
    "frage",
    "prompt",
    "instruction",
    "title",
    "name",
    "heading",
    "subject",
    "topic",
)
ANSWER_KEYS: Final = (
    "answer",
    "a",
    "antwort",
    "response",
    "reply",
    "acceptedanswer",
    "accepted_answer",
    "answers",
    "text",
    "content",
    "body",
    "output",
    "description",
)
LINK_KEYS: Final = ("link", "url", "source")

# A table with one of these columns is a list of questions; the other names are too common.
_SURE_QUESTIONS: Final = QUESTION_KEYS[:5]
_SURE_ANSWERS: Final = ANSWER_KEYS[:8]
_ROWS_TRIED: Final = 20
_MARKDOWN = MarkdownIt("commonmark").disable("inline")


def parse_json(text: str, name: str) -> ParsedFile:
    """Parse questions and answers from JSON or JSON Lines, at any depth.

    Raises UnreadableError if the text isn't JSON, or has no questions and answers.
    """
    found = json_value(text)
    pairs = list(_json_pairs(found))
    if not pairs:
        raise UnreadableError(
            "is JSON without questions and answers: a list of objects with `question` and "
            "`answer` (or `title` and `text`) can be read."
        )
    title = ""
    if isinstance(found, dict):
        title = next((v for k in ("title", "name") if isinstance(v := found.get(k), str)), "")
    return ParsedFile(one_line(title) or name, _sections(pairs))


def json_value(text: str) -> Any:
    """The values of JSON or JSON Lines; UnreadableError if invalid, or nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UnreadableError(f"has lists nested more than {MAX_DEPTH} levels deep.") from error
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            return [json.loads(line) for line in lines] if len(lines) > 1 else json.loads(text)
        except (ValueError, RecursionError):
            pass
        if not isinstance(error, json.JSONDecodeError):
            digits = sys.get_int_max_str_digits()
            raise UnreadableError(
                f"has a number of more than {digits:,} digits, which no question or answer has."
            ) from error
        raise UnreadableError(f"is not valid JSON: {error}.") from error


def parse_csv(text: str, name: str) -> ParsedFile:
    """Parse a table with the columns' names in the first row.

    Raises UnreadableError if the table is malformed, has no rows, or is too large.
    """
    rows = csv_rows(text)
    if len(rows) < 2:
        raise UnreadableError("is a table without rows below the names of its columns.")
    header = [one_line(cell) for cell in rows[0]]
    pairs = list(_csv_pairs(rows))
    if pairs:
        return ParsedFile(name, _sections(pairs))
    items = []
    for row in rows[1:]:
        cells = itertools.zip_longest(header, (one_line(cell) for cell in row), fillvalue="")
        named = [f"**{column}**: {cell}" if column else cell for column, cell in cells if cell]
        if named:
            items.append(f"- {'; '.join(named)}")
    return ParsedFile(name, "\n".join(items))


def has_csv_pairs(text: str) -> bool:
    """Whether a text is a table with columns of questions and answers."""
    first, _, rest = text.lstrip().partition("\n")
    if len(first) > 500 or not rest.strip():
        return False
    header = {cell.strip().strip('"').casefold() for d in DELIMITERS for cell in first.split(d)}
    if not ({*_SURE_QUESTIONS} & header and {*_SURE_ANSWERS} & header):
        return False
    try:
        return any(True for _ in _csv_pairs(csv_rows(text)))
    except UnreadableError:
        return False


def csv_rows(text: str) -> list[list[str]]:
    """A table's rows that aren't blank; UnreadableError if it's malformed or too large."""
    try:
        rows = list(
            itertools.islice(csv.reader(_lines(text), delimiter=_delimiter(text)), MAX_ROWS + 2)
        )
    except csv.Error as error:
        if "field limit" in str(error):
            raise UnreadableError(
                f"has a cell of more than {csv.field_size_limit():,} characters: a quotation mark "
                "in it may not be closed."
            ) from error
        raise UnreadableError(f"is not a readable table: {error}.") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) > MAX_ROWS + 1:
        raise UnreadableError(f"has more than {MAX_ROWS:,} rows. Split it.")
    if rows and max(map(len, rows)) > MAX_COLUMNS:
        raise UnreadableError(f"has more than {MAX_COLUMNS} columns.")
    return rows


def _lines(text: str) -> Iterator[str]:
    return (line + "\n" for line in text.split("\n"))


def _delimiter(text: str) -> str:
    """Detect the delimiter of a CSV text.

    A likely delimiter splits each of the first rows into the same number of columns. Of the likely
    delimiters (of all, if none is likely), the one with the most columns is returned.
    """

    def columns(delimiter: str) -> tuple[bool, int]:
        try:
            reader = csv.reader(_lines(text[:100_000]), delimiter=delimiter)
            sizes = [len(row) for row in itertools.islice(reader, _ROWS_TRIED) if row]
        except csv.Error:
            return False, 0
        return len(set(sizes[:-1] or sizes)) == 1, min(sizes, default=0)

    measured = {delimiter: columns(delimiter) for delimiter in DELIMITERS}
    alike = [d for d, (same, size) in measured.items() if same and size > 1]
    return max(alike or DELIMITERS, key=lambda delimiter: measured[delimiter][1])


def _csv_pairs(rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    header = [one_line(cell).casefold() for cell in rows[0]]
    for row in rows[1:]:
        record = dict(zip(header, row, strict=False))
        pair = _pair(record, _SURE_QUESTIONS, _SURE_ANSWERS)
        if pair:
            yield pair


def _json_pairs(found: Any) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[int, Any, bool]] = [(0, found, False)]
    seen = 1
    while waiting:
        depth, value, listed = waiting.pop()
        if depth > MAX_DEPTH:
            raise UnreadableError(f"has lists nested more than {MAX_DEPTH} levels deep.")
        if isinstance(value, dict):
            record = {str(key).casefold(): inner for key, inner in value.items()}
            # Outside lists, one key must be unmistakable.
            pair = (
                _pair(record)
                if listed
                else _pair(record, _SURE_QUESTIONS) or _pair(record, answers=_SURE_ANSWERS)
            )
            if pair:
                yield pair
                continue
            # An object may map questions to answers.
            yield from (
                (one_line(str(key)), answer.strip())
                for key, answer in value.items()
                if isinstance(answer, str)
                and str(key).strip().endswith(QUESTION_MARKS)
                and answer.strip()
            )
        inside = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            listed = isinstance(value, list)
            seen += len(value)
            if seen > MAX_VALUES:
                raise UnreadableError(f"has more than {MAX_VALUES:,} values. Split it.")
            waiting.extend((depth + 1, inner, listed) for inner in reversed(list(inside)))


def _pair(
    record: Mapping[str, Any],
    questions: Sequence[str] = QUESTION_KEYS,
    answers: Sequence[str] = ANSWER_KEYS,
) -> tuple[str, str] | None:
    """The (question, answer) of a record with lower-case keys; None without both."""
    question, answer = _first(record, questions), _first(record, answers)
    if not question or not answer:
        return None
    link = _first(record, LINK_KEYS)
    if link.startswith(("http://", "https://")):
        answer = f"{answer}\n\n<{one_line(link)}>"
    return one_line(question), answer


def _first(record: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((text for key in keys if (text := _value_text(record.get(key)))), "")


def _value_text(value: Any) -> str:
    """The text of a value: a string, a list of strings, or an object with a `text` key."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str)]
        return "\n\n".join(texts).strip() or (_value_text(value[0]) if len(value) == 1 else "")
    if isinstance(value, dict):
        return _value_text(value.get("text")) if isinstance(value.get("text"), str) else ""
    return ""


def _sections(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n\n".join(f"## {question}\n\n{_lower_headings(answer)}" for question, answer in pairs)


def _lower_headings(answer: str) -> str:
    """Lower the headings in an answer below the level of its question."""
    if not re.search(r"^ {0,3}#|^ {0,3}[-=]+\s*$", answer, re.MULTILINE):
        return answer
    lines = answer.split("\n")
    for token, inline in itertools.pairwise(_MARKDOWN.parse(answer)):
        if token.type == "heading_open" and token.level == 0 and token.map is not None:
            first, end = token.map
            level = min(int(token.tag[1]) + 2, 6)
            lines[first:end] = [
                f"{'#' * level} {one_line(inline.content)}",
                *[""] * (end - first - 1),
            ]
    return "\n".join(lines)

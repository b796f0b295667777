"""Quantities in sentences, each in a normal form, so that they can be compared. Pure.

A value is a number with its noun, an amount with its unit, a version with its product, a date, a
weekday or a time. "2 hours" and "120 minutes" have one normal form. English and German only.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.resources import files
from typing import Final

from indexer.text.analyzer import is_stop_word, words

# Kinds of a number without a noun, and of a version without a product.
BARE: Final = "number"
VERSION: Final = "version"


class Subject(StrEnum):
    """The subject of a disagreement: a sort of value, or a negation."""

    NUMBER = "number"
    AMOUNT = "amount"
    VERSION = "version"
    DATE = "date"
    NEGATION = "negation"


@dataclass(frozen=True, slots=True)
class Value:
    """A value in a sentence.

    Only values of the same `kind` are compared, such as `duration`, `money eur`, `number people` or
    `version python`. Equal ones have the same `normal` form ("2 hours" and "120 minutes").
    """

    subject: Subject
    kind: str
    normal: float | str
    start: int
    end: int


_WORDS: Final = tomllib.loads(
    files("indexer.contradictions").joinpath("quantities.toml").read_text(encoding="utf-8")
)
_SOFT: Final = frozenset(_WORDS["soft"].split())
_LABELS: Final = frozenset(_WORDS["labels"].split())
_PERCENT: Final = frozenset(_WORDS["percent"])
_NUMBER_WORDS: Final[dict[str, int]] = _WORDS["numbers"]
_MULTIPLES: Final[dict[str, float]] = _WORDS["multiples"]
_DURATIONS: Final[dict[str, float]] = _WORDS["durations"]
_SIZES: Final[dict[str, float]] = _WORDS["sizes"]
_MONEY: Final[dict[str, str]] = _WORDS["money"]
_MONTHS: Final = {name: n for n, names in enumerate(_WORDS["months"], 1) for name in names.split()}
_WEEKDAYS: Final = {name: n for n, names in enumerate(_WORDS["weekdays"]) for name in names.split()}


def is_soft(word: str, stem: str, language: str) -> bool:
    """Whether a lower-case word carries no topic: a stop word, or an adverb of degree."""
    return word in _SOFT or is_stop_word(stem, language)


_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_VALUE: Final = re.compile(
    rf"""
    (?P<iso>\b(?P<iso_year>\d{{4}})-(?P<iso_month>\d\d)-(?P<iso_day>\d\d)\b)
    | (?P<date>\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[ ](?:of[ ])?(?P<month>{_MONTH})\b\.?
        (?:,?[ ](?P<year>\d{{4}})\b)?)
    | (?P<us_date>\b(?P<us_month>{_MONTH})\b\.?[ ](?P<us_day>\d{{1,2}})(?:st|nd|rd|th)?\b
        (?:,?[ ](?P<us_year>\d{{4}})\b)?)
    | (?P<alone>(?<=\bin[ ])(?:{_MONTH})\b|(?<=\bim[ ])(?:{_MONTH})\b)
    | (?P<weekday>\b(?:{"|".join(_WEEKDAYS)})s?\b)
    | (?P<clock>\b(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minutes>[0-5]\d))?[ ]?
        (?P<half>[ap]\.?m\b\.?|uhr\b|o['’]clock\b)
        |\b(?P<hour24>[01]?\d|2[0-3]):(?P<minutes24>[0-5]\d)\b)
    | (?:(?<=\bafter[ ])|(?<=\bfor[ ])|(?<=\bwithin[ ]))
        an?[ ](?P<unit>hour|minute|day|week|month|year)\b
    | (?P<number>(?P<sign>[€$£]\s?)?(?<![\w.,:/-])
        (?P<digits>[vV]?\d+(?:[.,]\d+)*|\b(?:{"|".join(_NUMBER_WORDS)})\b)(?![\w:/-]|[.,]\d)
        (?P<after>[ ]?%|[ ]?€|(?:[ ]|-)?[^\W\d_]+(?:[ ][^\W\d_]+)?)?)
    | (?P<glued>(?<![\w.,:/-])(?P<glued_digits>\d+(?:[.,]\d+)?)
        (?P<glued_unit>ms|s|min|h|kb|mb|gb|tb|k|m|bn)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ALSO: Final = re.compile(r"\s*(?:,|,?\s(?:and|or|und|oder|to|bis)|–|/)\s*")
_PRECEDING: Final = re.compile(r"(?P<word>[^\W\d_][\w+#]{0,80})[ ]?$")
_WORD_CHARACTERS: Final = 80
_TWO_WORDS: Final = re.compile(r"\s*\S+\s+\S")


def parse_values(sentence: str, language: str) -> Iterator[Value]:
    """Yield the values of a sentence in order; `language` is the language of its words."""
    previous: Value | None = None
    two_words = _TWO_WORDS.match(sentence)
    # A value from this place on has at least two words before it.
    third_word = two_words.end() if two_words is not None else len(sentence)
    for match in _VALUE.finditer(sentence):
        if match["number"] or match["glued"]:
            value = _of_number(match, language, preceded=match.start() >= third_word)
            if previous is not None and _ALSO.fullmatch(sentence[previous.end : value.start]):
                value = _like_previous(value, previous, match["digits"] or "")
            previous = value
            yield value
        else:
            yield from _of_time(match)


def _like_previous(value: Value, previous: Value, digits: str) -> Value:
    """Return `value` with the kind of `previous` if `value` has no noun or product of its own.

    In "Python 3.11, 3.12", the number 3.12 becomes a version of Python, too. `digits` is the number
    of `value` as written.
    """
    if value.kind not in {BARE, VERSION} or previous.kind in {BARE, VERSION}:
        return value
    normal = digits if previous.subject is Subject.VERSION else value.normal
    return replace(value, subject=previous.subject, kind=previous.kind, normal=normal)


def _of_time(match: re.Match[str]) -> Iterator[Value]:
    """Yield the values of dates, weekdays, times of day, and "an hour"."""
    start, end = match.span()
    unit = match["unit"]
    if unit:
        yield Value(Subject.AMOUNT, "duration", _DURATIONS[unit.lower()], start, end)
    elif match["weekday"]:
        name = match["weekday"].lower()
        day = _WEEKDAYS[name if name in _WEEKDAYS else name.removesuffix("s")]
        yield Value(Subject.DATE, "weekday", float(day), start, end)
    elif match["clock"]:
        yield Value(Subject.DATE, "time", _minutes(match), start, end)
    elif match["alone"]:
        yield Value(Subject.DATE, "month", float(_MONTHS[match["alone"].lower()]), start, end)
    else:
        month = match["iso_month"] or _MONTHS[(match["month"] or match["us_month"]).lower()]
        day_of_month = match["iso_day"] or match["day"] or match["us_day"]
        year = match["iso_year"] or match["year"] or match["us_year"]
        yield Value(Subject.DATE, "date", float(month) * 100 + float(day_of_month), start, end)
        if year:
            yield Value(Subject.DATE, "year", float(year), start, end)


def _minutes(match: re.Match[str]) -> float:
    hour = int(match["hour"] or match["hour24"])
    half = (match["half"] or "").lower()
    if half.startswith("p") and hour < 12:
        hour += 12
    return hour * 60.0 + int(match["minutes"] or match["minutes24"] or 0)


def _of_number(match: re.Match[str], language: str, *, preceded: bool) -> Value:
    """Return the value of a matched number. Its kind follows from the words around the number.

    A capitalized word before the number is taken for a product's name. If that word begins the
    sentence, its capital means nothing. `preceded`: whether at least two words precede the number.
    """
    digits = match["digits"] or match["glued_digits"]
    after = (match["after"] or match["glued_unit"] or "").strip().lstrip("-").lower()
    start = match.start()
    end = match.end("digits") if match["digits"] else match.end()
    amount = _NUMBER_WORDS.get(digits.lower())
    number = float(amount) if amount is not None else _parse_number(digits)
    first, _, second = after.partition(" ")
    if first in _MULTIPLES:
        number *= _MULTIPLES[first]
        end = (
            match.start("after") + match["after"].lower().index(first) + len(first)
            if match["after"]
            else end
        )
        first, second = second, ""
    sign = (match["sign"] or "").strip()
    measured = _measure(sign or first, number)
    if measured is not None:
        kind, normal = measured
        reach = match.end() if not second else end + 1 + len(first)
        return Value(Subject.AMOUNT, kind, normal, start, end if sign else max(end, reach))
    preceding = _PRECEDING.search(match.string[max(0, start - _WORD_CHARACTERS) : start])
    return _plain_number(
        preceding["word"] if preceding else "",
        digits,
        number,
        first,
        (start, end),
        language,
        preceded=preceded,
    )


def _parse_number(digits: str) -> float:
    plain = digits.lstrip("vV")
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+", plain):
        return float(plain.replace(",", ""))
    parts = re.split(r"[.,]", plain)
    return float(".".join(parts[:2]))


def _measure(unit: str, number: float) -> tuple[str, float] | None:
    """The kind and normal form of an amount; None if the word `unit` isn't a unit."""
    if unit in _PERCENT:
        return "percent", number
    for forms in (unit, unit.removesuffix("s"), unit.removesuffix("n"), unit.removesuffix("en")):
        if forms in _DURATIONS:
            return "duration", number * _DURATIONS[forms]
        if forms in _SIZES:
            return "size", number * _SIZES[forms]
        if forms in _MONEY:
            return f"money {_MONEY[forms]}", number
    return None


def _plain_number(
    word: str,
    digits: str,
    number: float,
    following: str,
    span: tuple[int, int],
    language: str,
    *,
    preceded: bool,
) -> Value:
    stem = "".join(words(word, language)[:1])
    if word.lower() in _LABELS:
        return Value(Subject.NUMBER, f"label {stem}", digits, *span)
    dotted = "." in digits
    named = word[:1].isupper() and (preceded or dotted) and (language != "de" or dotted)
    is_version = word.lower() == "version" or digits[:1] in "vV" or digits.count(".") > 1
    if is_version or (named and "," not in digits):
        return Value(Subject.VERSION, f"version {stem}".strip(), digits.lstrip("vV"), *span)
    if re.fullmatch(r"(?:19|20)\d\d", digits) and not _is_counted(following, language):
        return Value(Subject.DATE, "year", number, *span)
    counted = following if _is_counted(following, language) else word
    if not _is_counted(counted, language):
        return Value(Subject.NUMBER, BARE, number, *span)
    return Value(Subject.NUMBER, f"number {''.join(words(counted, language)[:1])}", number, *span)


def _is_counted(word: str, language: str) -> bool:
    stems = words(word, language)[:1]
    return bool(stems) and not is_soft(word.lower(), stems[0], language)

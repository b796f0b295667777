"""Dates in words of a guild's language, as the Common Locale Data Repository (CLDR) writes them.

Babel is the reference in the tests. It isn't imported here, because its data of a thousand other
locales takes 34 MB.
"""

from datetime import date
from typing import Final

from knowledge.values.guilds import Language

_ENGLISH: Final = Language.ENGLISH
_GERMAN: Final = Language.GERMAN


def _words(text: str) -> list[str]:
    return text.split()


_WEEKDAYS: Final = {
    _ENGLISH: _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    _GERMAN: _words("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag"),
}
_MONTHS: Final = {
    _ENGLISH: _words(
        "January February March April May June July August September October November December"
    ),
    _GERMAN: _words(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
    ),
}
_SHORT_MONTHS: Final = {
    _ENGLISH: [month[:3] for month in _MONTHS[_ENGLISH]],
    _GERMAN: _words("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
}


def weekday(number: int, language: Language) -> str:
    """The name of a weekday; Monday is 0."""
    return _WEEKDAYS[language][number]


def long_date(day: date, language: Language) -> str:
    """A date with its year, such as "November 24, 2026"."""
    month = _MONTHS[language][day.month - 1]
    if language is _GERMAN:
        return f"{day.day}. {month} {day.year}"
    return f"{month} {day.day}, {day.year}"


def short_date(day: date, language: Language) -> str:
    """A date without its year, such as "Nov 24"."""
    month = _SHORT_MONTHS[language][day.month - 1]
    return f"{day.day}. {month}" if language is _GERMAN else f"{month} {day.day}"

"""Dates in words of a guild's language, as the Common Locale Data Repository (CLDR) writes them.

Babel is the reference in the tests. It isn't imported here, because its data of a thousand other
locales takes 34 MB.
"""

from datetime import date

from knowledge.languages.vocabularies import spoken
from knowledge.values.guilds import Language


def weekday(number: int, language: Language) -> str:
    """The name of a weekday; Monday is 0."""
    return spoken(language)["weekdays"].split()[number]


def long_date(day: date, language: Language) -> str:
    """A date with its year, such as "November 24, 2026"."""
    calendar = spoken(language)
    month = calendar["months"].split()[day.month - 1]
    return calendar["long_date"].format(day=day.day, month=month, year=day.year)


def short_date(day: date, language: Language) -> str:
    """A date without its year, such as "Nov 24"."""
    calendar = spoken(language)
    month = calendar["short_months"].split()[day.month - 1]
    return calendar["short_date"].format(day=day.day, month=month)

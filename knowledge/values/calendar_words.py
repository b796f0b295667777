"""Dates in words of a guild's language, as the Common Locale Data Repository (CLDR) writes them.

Babel is the reference in the tests. It isn't imported here, because its data of a thousand other
locales takes 34 MB.
"""

from datetime import date
from typing import Final, NamedTuple

from knowledge.values.guilds import Language


class _Calendar(NamedTuple):
    """Names of days and months, separated by blanks, and the patterns of dates."""

    weekdays: str
    months: str
    short_months: str
    long_date: str
    short_date: str


_CALENDARS: Final = {
    Language.ENGLISH: _Calendar(
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "{month} {day}, {year}",
        "{month} {day}",
    ),
    Language.FRENCH: _Calendar(
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "{day} {month} {year}",
        "{day} {month}",
    ),
    Language.GERMAN: _Calendar(
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "{day}. {month} {year}",
        "{day}. {month}",
    ),
    Language.PORTUGUESE: _Calendar(
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "{day} de {month} de {year}",
        "{day} de {month}",
    ),
    Language.SPANISH: _Calendar(
        "lunes martes miércoles jueves viernes sábado domingo",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "{day} de {month} de {year}",
        "{day} {month}",
    ),
}


def weekday(number: int, language: Language) -> str:
    """The name of a weekday; Monday is 0."""
    return _CALENDARS[language].weekdays.split()[number]


def long_date(day: date, language: Language) -> str:
    """A date with its year, such as "November 24, 2026"."""
    calendar = _CALENDARS[language]
    month = calendar.months.split()[day.month - 1]
    return calendar.long_date.format(day=day.day, month=month, year=day.year)


def short_date(day: date, language: Language) -> str:
    """A date without its year, such as "Nov 24"."""
    calendar = _CALENDARS[language]
    month = calendar.short_months.split()[day.month - 1]
    return calendar.short_date.format(day=day.day, month=month)

"""Dates in words agree with Babel's, which follows the Common Locale Data Repository."""

from datetime import date, timedelta

import pytest
from babel.dates import format_date, format_skeleton, get_day_names

from knowledge.values.calendar_words import long_date, short_date, weekday
from knowledge.values.guilds import Language


@pytest.mark.parametrize("language", Language)
def test_dates_of_a_year_agree_with_babel(language: Language) -> None:
    for number in range(366):
        day = date(2024, 1, 1) + timedelta(days=number)
        assert long_date(day, language) == format_date(day, "long", locale=language.value)
        assert short_date(day, language) == format_skeleton("MMMd", day, locale=language.value)


@pytest.mark.parametrize("language", Language)
def test_weekdays_agree_with_babel(language: Language) -> None:
    names = get_day_names("wide", locale=language.value)
    assert {number: weekday(number, language) for number in range(7)} == names

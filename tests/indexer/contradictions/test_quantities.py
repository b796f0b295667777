import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.contradictions.quantities import parse_values


@pytest.mark.parametrize(
    ("text", "of", "normal"),
    [
        ("after 2 hours", "duration", 7_200.0),
        ("within an hour", "duration", 3_600.0),
        ("nach 90 Tagen", "duration", 7_776_000.0),
        ("takes 250ms", "duration", 0.25),
        ("at 6 pm", "time", 1_080.0),
        ("um 18 Uhr", "time", 1_080.0),
        ("at 18:00", "time", 1_080.0),
        ("€35", "money eur", 35.0),
        ("20 euros", "money eur", 20.0),
        ("25 megabytes", "size", 25e6),
        ("45 percent", "percent", 45.0),
        ("12.5%", "percent", 12.5),
        ("2,000 characters", "number charact", 2_000.0),
        ("two people", "number peopl", 2.0),
        ("7 billion parameters", "number paramet", 7e9),
        ("runs on Python 3.10", "version python", "3.10"),
        ("release v1.8.2", "version releas", "1.8.2"),
        ("on 12 March 2027", "date", 312.0),
        ("on March 12th", "date", 312.0),
        ("am 3. Mai", "date", 503.0),
        ("on 2027-03-12", "date", 312.0),
        ("in June", "month", 6.0),
        ("on Fridays", "weekday", 4.0),
        ("founded in 2014", "year", 2014.0),
        ("see chapter 3", "label chapter", "3"),
    ],
)
def test_equal_values_have_one_form(text: str, of: str, normal: float | str) -> None:
    language = "de" if text.startswith(("nach", "um", "am")) else "en"
    assert (of, normal) in [(value.kind, value.normal) for value in parse_values(text, language)]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_spans_of_values_lie_in_sentences(text: str) -> None:
    for value in parse_values(text, "en"):
        assert 0 <= value.start < value.end <= len(text)


def test_numbers_in_a_row_are_of_the_same() -> None:
    found = [value.normal for value in parse_values("on Python 3.9, 3.10 and 3.11", "en")]
    assert found == ["3.9", "3.10", "3.11"]
